"""TCC, cycle consistency of pairs of videos, on PennAction, with the settings published with CARL.

Every step takes videos of one action.

Command: python main.py --config configs/carl_tcc_penn_action.py --config.data.dir=PENN --workdir runs/tcc_penn_action
"""

from configs._base import carl_variants as variants
from configs._base import video_datasets as datasets
from configs._base.carl_base import entry

get_config = entry(
    "carl_tcc_penn_action",
    datasets.penn_action,
    variants.CONV,
    variants.ONE_VIEW,
    variants.TCC,
    variants.CONSTANT_RATE,
    variants.PENN_ACTION,
    {"train": {"log_every": 80}},
    variants.training(300, 20, variants.PENN_ACTION_VIDEOS, batch_size=4),
)
