"""CARL on FineGym with the published settings: 99 classes, or 288 with --config.data.num_classes=288.

Add --init_from FILE with a ResNet-50: torchvision's, as the published code takes in fact, or BYOL's, as the paper says.
Command: python main.py --config configs/carl_finegym.py --config.data.dir=FINEGYM --workdir runs/finegym
"""

from configs._base import carl_variants as variants
from configs._base import video_datasets as datasets
from configs._base.carl_base import entry

get_config = entry(
    "carl_finegym",
    datasets.finegym,
    variants.FINEGYM,
    {"model": {"num_layers": 3}},
    variants.training(300, 240, variants.FINEGYM_VIDEOS),
)
