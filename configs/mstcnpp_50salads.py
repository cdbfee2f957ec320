"""MS-TCN++ on 50Salads with the published settings.

Paper: Li et al., MS-TCN++, TPAMI 2020; its numbers are the mean of splits 1 to 5.
Every second of 30 frames per second is used, as published.
Command: python main.py --config configs/mstcnpp_50salads.py:split=1 --config.data.dir=50SALADS --workdir runs/salads1
"""

from configs._base import datasets, mstcnpp_base


def get_config(arg=""):
    """Accepts `split=1`, `seed=0` and `quick` after the colon, separated by commas."""
    config = mstcnpp_base.base_config("mstcnpp_50salads", datasets.salads())
    config.train.update({"log_every": 40, "eval_every": 200})
    return mstcnpp_base.finish(config, arg)
