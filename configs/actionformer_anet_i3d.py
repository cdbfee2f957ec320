"""ActionFormer on ActivityNet 1.3 with I3D features and the published settings.

It finds actions of any kind, and the scores of a video classifier name them (config.data.external_scores). Result of
the published checkpoint: mAP 54.3 at tIoU 0.5, 36.7 at 0.75, 8.2 at 0.95, average 36.0.
Command: python main.py --config configs/actionformer_anet_i3d.py --config.data.dir=ANET --workdir runs/anet
"""

from configs._base import localization_datasets as datasets
from configs._base.actionformer_base import entry, epochs, widths

# The published ActivityNet configs share these.
SETTINGS = {
    "model": {"window_sizes": (7, 7, 7, 7, 7, -1), "absolute_positions": True, **widths(256)},
    "loss": {"label_smoothing": 0.1, "regression_weight": 2.0, "first_normalizer": 200.0},
    "optimizer": {"learning_rate": 1e-3},
    "train": {"batch_size": 16},
}

get_config = entry("actionformer_anet_i3d", datasets.anet_i3d, SETTINGS, epochs(10, steps_per_epoch=625))
