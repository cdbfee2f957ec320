"""ActionFormer on the Moment Queries of Ego4D with Omnivore and EgoVLP features and the published settings.

Result of the published checkpoint: average mAP 22.0, average Recall@1x 50.0.
Command: python main.py --config configs/actionformer_ego4d_oe.py --config.data.dir=EGO4D --workdir runs/ego4d_oe
"""

from configs._base import localization_datasets as datasets
from configs._base.actionformer_base import ego4d_levels, entry, epochs, widths

SETTINGS = {"model": ego4d_levels() | widths(768, 12)}

get_config = entry("actionformer_ego4d_oe", lambda: datasets.ego4d("o", "e"), SETTINGS, epochs(10, steps_per_epoch=743))
