"""ActionFormer on the Moment Queries of Ego4D with EgoVLP features and the published settings.

Result of the published checkpoint: average mAP 20.6, average Recall@1x 48.6.
Command: python main.py --config configs/actionformer_ego4d_e.py --config.data.dir=EGO4D --workdir runs/ego4d_e
"""

from configs._base import localization_datasets as datasets
from configs._base.actionformer_base import ego4d_levels, entry, epochs, widths

SETTINGS = {"model": ego4d_levels() | widths(384)}

get_config = entry("actionformer_ego4d_e", lambda: datasets.ego4d("e"), SETTINGS, epochs(10, steps_per_epoch=743))
