"""MS-TCN on GTEA with the published settings.

Paper: Abu Farha & Gall, MS-TCN, CVPR 2019; its numbers are the mean of splits 1 to 4.
Command: python main.py --config configs/mstcn_gtea.py:split=1 --config.data.dir=GTEA --workdir runs/mstcn_gtea1
"""

from configs._base import datasets, mstcn_base

get_config = mstcn_base.entry("mstcn_gtea", datasets.gtea)
