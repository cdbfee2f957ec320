"""ActionFormer on the Moment Queries of Ego4D with SlowFast and EgoVLP features and the published settings.

Result of the published checkpoint: average mAP 21.6, average Recall@1x 49.1.
Command: python main.py --config configs/actionformer_ego4d_se.py --config.data.dir=EGO4D --workdir runs/ego4d_se
"""

from configs._base import localization_datasets as datasets
from configs._base.actionformer_base import ego4d_levels, entry, epochs, widths

SETTINGS = {"model": ego4d_levels() | widths(768, 12)}

get_config = entry("actionformer_ego4d_se", lambda: datasets.ego4d("s", "e"), SETTINGS, epochs(10, steps_per_epoch=743))
