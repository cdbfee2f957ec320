"""ActionFormer on the Moment Queries of Ego4D with SlowFast, Omnivore and EgoVLP features and the published settings.

Result of the published checkpoint: average mAP 22.1, average Recall@1x 49.9.
Command: python main.py --config configs/actionformer_ego4d_soe.py --config.data.dir=EGO4D --workdir runs/ego4d_soe
"""

from configs._base import localization_datasets as datasets
from configs._base.actionformer_base import ego4d_levels, entry, epochs, widths

SETTINGS = {
    "model": ego4d_levels() | widths(1024, 16) | {"stream_dims": (2304, 1536, 256), "stream_widths": (256, 384, 384)}
}

get_config = entry(
    "actionformer_ego4d_soe", lambda: datasets.ego4d("s", "o", "e"), SETTINGS, epochs(10, steps_per_epoch=743)
)
