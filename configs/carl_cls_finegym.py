"""CARL's network trained to tell the classes of FineGym from their labels, with the published settings.

Add --init_from FILE with a ResNet-50: torchvision's, as the published code takes in fact, or BYOL's, as the paper says.
Command: python main.py --config configs/carl_cls_finegym.py --config.data.dir=FINEGYM --workdir runs/cls_finegym
"""

from configs._base import carl_variants as variants
from configs._base import video_datasets as datasets
from configs._base.carl_base import entry

get_config = entry(
    "carl_cls_finegym",
    datasets.finegym,
    variants.ONE_VIEW,
    variants.CLASSIFICATION,
    variants.ALL_LABELS,
    variants.FINEGYM,
    {"model": {"num_layers": 3}, "eval": {"probe": {"learning_rate": 0.1}}},
    variants.training(100, 240, variants.FINEGYM_VIDEOS, batch_size=2),
)
