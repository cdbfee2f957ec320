"""MS-TCN on 50Salads with the published settings.

Paper: Abu Farha & Gall, MS-TCN, CVPR 2019; its numbers are the mean of splits 1 to 5.
Every second of 30 frames per second is used, as published.
Command: python main.py --config configs/mstcn_50salads.py:split=1 --config.data.dir=50SALADS --workdir runs/salads1
"""

from configs._base import datasets, mstcn_base

get_config = mstcn_base.entry("mstcn_50salads", datasets.salads, {"train": {"log_every": 40, "eval_every": 200}})
