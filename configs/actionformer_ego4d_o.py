"""ActionFormer on the Moment Queries of Ego4D with Omnivore features and the published settings.

Result of the published checkpoint: average mAP 18.2, average Recall@1x 43.5.
Command: python main.py --config configs/actionformer_ego4d_o.py --config.data.dir=EGO4D --workdir runs/ego4d_o
"""

from configs._base import localization_datasets as datasets
from configs._base.actionformer_base import ego4d_levels, entry, epochs

SETTINGS = {"model": ego4d_levels()}

get_config = entry("actionformer_ego4d_o", lambda: datasets.ego4d("o"), SETTINGS, epochs(10, steps_per_epoch=743))
