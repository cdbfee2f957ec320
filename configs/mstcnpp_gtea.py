"""MS-TCN++ on GTEA with the published settings.

Paper: Li et al., MS-TCN++, TPAMI 2020; its numbers are the mean of splits 1 to 4.
Command: python main.py --config configs/mstcnpp_gtea.py:split=1 --config.data.dir=GTEA --workdir runs/mstcnpp_gtea1
"""

from configs._base import datasets, mstcnpp_base


def get_config(arg=""):
    """Accepts `split=1`, `seed=0` and `quick` after the colon, separated by commas."""
    config = mstcnpp_base.base_config("mstcnpp_gtea", datasets.gtea())
    return mstcnpp_base.finish(config, arg)
