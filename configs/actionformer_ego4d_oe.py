"""ActionFormer on the Moment Queries of Ego4D with Omnivore and EgoVLP features and the published settings.

Result of the published checkpoint: average mAP 22.0, average Recall@1x 50.0.
Command: python main.py --config configs/actionformer_ego4d_oe.py --config.data.dir=EGO4D --workdir runs/ego4d_oe
"""

from configs import actionformer_ego4d_s
from configs._base import actionformer_base, localization_datasets


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas."""
    config = actionformer_base.base_config("actionformer_ego4d_oe", localization_datasets.ego4d("o", "e"))
    actionformer_ego4d_s.apply_ego4d_settings(config)
    config.model.update({"dim": 768, "neck_dim": 768, "head_dim": 768, "num_heads": 12})
    return actionformer_base.finish(config, arg)
