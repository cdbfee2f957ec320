"""ActionFormer on ActivityNet 1.3 with TSP features and the published settings.

Result of the published checkpoint: mAP 54.7 at tIoU 0.5, 37.8 at 0.75, 8.4 at 0.95, average 36.6.
Command: python main.py --config configs/actionformer_anet_tsp.py --config.data.dir=ANET --workdir runs/anet_tsp
"""

from configs import actionformer_anet_i3d
from configs._base import actionformer_base, localization_datasets


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas."""
    config = actionformer_base.base_config("actionformer_anet_tsp", localization_datasets.anet_tsp())
    actionformer_anet_i3d.apply_activitynet_settings(config)
    return actionformer_base.finish(config, arg)
