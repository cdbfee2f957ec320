"""MS-TCN++ on Breakfast with the published settings.

Paper: Li et al., MS-TCN++, TPAMI 2020; its numbers are the mean of splits 1 to 4.
Command: python main.py --config configs/mstcnpp_breakfast.py:split=1 --config.data.dir=BREAKFAST --workdir runs/tcn1
"""

from configs._base import datasets, mstcnpp_base

get_config = mstcnpp_base.entry(
    "mstcnpp_breakfast", datasets.breakfast, {"train": {"log_every": 500, "eval_every": 5000}}
)
