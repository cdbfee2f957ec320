"""ActionFormer on the Moment Queries of Ego4D with SlowFast features and the published settings.

Result of the published checkpoint: average mAP 14.9, average Recall@1x 41.3.
Command: python main.py --config configs/actionformer_ego4d_s.py --config.data.dir=EGO4D --workdir runs/ego4d_s
"""

from configs._base import localization_datasets as datasets
from configs._base.actionformer_base import ego4d_levels, entry, epochs

SETTINGS = {"model": ego4d_levels(6)}

get_config = entry("actionformer_ego4d_s", lambda: datasets.ego4d("s"), SETTINGS, epochs(10, steps_per_epoch=743))
