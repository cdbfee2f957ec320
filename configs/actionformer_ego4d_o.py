"""ActionFormer on the Moment Queries of Ego4D with Omnivore features and the published settings.

Result of the published checkpoint: average mAP 18.2, average Recall@1x 43.5.
Command: python main.py --config configs/actionformer_ego4d_o.py --config.data.dir=EGO4D --workdir runs/ego4d_o
"""

from configs import actionformer_ego4d_s
from configs._base import actionformer_base, localization_datasets


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas."""
    config = actionformer_base.base_config("actionformer_ego4d_o", localization_datasets.ego4d("o"))
    actionformer_ego4d_s.apply_ego4d_settings(config)
    return actionformer_base.finish(config, arg)
