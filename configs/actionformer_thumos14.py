"""ActionFormer on THUMOS14 with the published settings.

Result of the published checkpoint: mAP 82.1 at tIoU 0.3, 71.0 at 0.5, 43.9 at 0.7, average 66.8.
Command: python main.py --config configs/actionformer_thumos14.py --config.data.dir=THUMOS14 --workdir runs/thumos14
"""

from configs._base import localization_datasets as datasets
from configs._base.actionformer_base import entry, epochs

get_config = entry(
    "actionformer_thumos14", datasets.thumos14, {"model": {"window_sizes": (19,)}}, epochs(30, steps_per_epoch=100)
)
