"""ActionFormer on ActivityNet 1.3 with TSP features and the published settings.

Result of the published checkpoint: mAP 54.7 at tIoU 0.5, 37.8 at 0.75, 8.4 at 0.95, average 36.6.
Command: python main.py --config configs/actionformer_anet_tsp.py --config.data.dir=ANET --workdir runs/anet_tsp
"""

from configs._base import localization_datasets as datasets
from configs._base.actionformer_base import entry, epochs
from configs.actionformer_anet_i3d import SETTINGS

get_config = entry("actionformer_anet_tsp", datasets.anet_tsp, SETTINGS, epochs(10, steps_per_epoch=625))
