"""ActionFormer on the Moment Queries of Ego4D with SlowFast, Omnivore and EgoVLP features and the published settings.

Result of the published checkpoint: average mAP 22.1, average Recall@1x 49.9.
Command: python main.py --config configs/actionformer_ego4d_soe.py --config.data.dir=EGO4D --workdir runs/ego4d_soe
"""

from configs import actionformer_ego4d_s
from configs._base import actionformer_base, localization_datasets


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas."""
    config = actionformer_base.base_config("actionformer_ego4d_soe", localization_datasets.ego4d("s", "o", "e"))
    actionformer_ego4d_s.apply_ego4d_settings(config)
    config.model.update(
        {
            "stream_dims": (2304, 1536, 256),
            "stream_widths": (256, 384, 384),
            "dim": 1024,
            "neck_dim": 1024,
            "head_dim": 1024,
            "num_heads": 16,
        }
    )
    return actionformer_base.finish(config, arg)
