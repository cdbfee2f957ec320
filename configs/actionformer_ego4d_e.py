"""ActionFormer on the Moment Queries of Ego4D with EgoVLP features and the published settings.

Result of the published checkpoint: average mAP 20.6, average Recall@1x 48.6.
Command: python main.py --config configs/actionformer_ego4d_e.py --config.data.dir=EGO4D --workdir runs/ego4d_e
"""

from configs import actionformer_ego4d_s
from configs._base import actionformer_base, localization_datasets


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas."""
    config = actionformer_base.base_config("actionformer_ego4d_e", localization_datasets.ego4d("e"))
    actionformer_ego4d_s.apply_ego4d_settings(config)
    config.model.update({"dim": 384, "neck_dim": 384, "head_dim": 384})
    return actionformer_base.finish(config, arg)
