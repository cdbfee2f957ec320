"""MS-TCN++ on GTEA with the published settings.

Paper: Li et al., MS-TCN++, TPAMI 2020; its numbers are the mean of splits 1 to 4.
Command: python main.py --config configs/mstcnpp_gtea.py:split=1 --config.data.dir=GTEA --workdir runs/mstcnpp_gtea1
"""

from configs._base import datasets, mstcnpp_base

get_config = mstcnpp_base.entry("mstcnpp_gtea", datasets.gtea)
