"""CARL pre-trained on Kinetics-400 with the published settings, evaluated on the baseball pitches of PennAction.

The folder holds both datasets.

Add --init_from FILE with a ResNet-50: torchvision's, as the published code takes in fact, or BYOL's, as the paper says.
Command: python main.py --config configs/carl_k400.py --config.data.dir=KINETICS --workdir runs/k400
"""

from configs._base import carl_variants as variants
from configs._base import video_datasets as datasets
from configs._base.carl_base import entry

get_config = entry(
    "carl_k400",
    datasets.kinetics,
    variants.PENN_ACTION,
    variants.ALL_LABELS,
    {"loss": {"negatives": "batch_noself"}, "data": {"clip": {"consistent_offset": 1.0}}, "train": {"log_every": 2000}},
    variants.training(10, 80, variants.KINETICS_VIDEOS, batch_size=2, every=2),
)
