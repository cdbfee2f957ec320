"""MS-TCN++ on 50Salads with the published settings.

Paper: Li et al., MS-TCN++, TPAMI 2020; its numbers are the mean of splits 1 to 5.
Every second of 30 frames per second is used, as published.
Command: python main.py --config configs/mstcnpp_50salads.py:split=1 --config.data.dir=50SALADS --workdir runs/salads1
"""

from configs._base import datasets, mstcnpp_base

get_config = mstcnpp_base.entry("mstcnpp_50salads", datasets.salads, {"train": {"log_every": 40, "eval_every": 200}})
