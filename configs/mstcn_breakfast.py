"""MS-TCN on Breakfast with the published settings.

Paper: Abu Farha & Gall, MS-TCN, CVPR 2019; its numbers are the mean of splits 1 to 4.
Command: python main.py --config configs/mstcn_breakfast.py:split=1 --config.data.dir=BREAKFAST --workdir runs/tcn1
"""

from configs._base import datasets, mstcn_base

get_config = mstcn_base.entry("mstcn_breakfast", datasets.breakfast, {"train": {"log_every": 500, "eval_every": 5000}})
