"""MS-TCN on GTEA with the published settings.

Paper: Abu Farha & Gall, MS-TCN, CVPR 2019; its numbers are the mean of splits 1 to 4.
Command: python main.py --config configs/mstcn_gtea.py:split=1 --config.data.dir=GTEA --workdir runs/mstcn_gtea1
"""

from configs._base import datasets, mstcn_base


def get_config(arg=""):
    """Accepts `split=1`, `seed=0` and `quick` after the colon, separated by commas."""
    config = mstcn_base.base_config("mstcn_gtea", datasets.gtea())
    return mstcn_base.finish(config, arg)
