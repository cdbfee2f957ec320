"""CARL's network trained to tell the phases of Pouring from their labels, with the published settings.

Add --init_from FILE with a ResNet-50: torchvision's, as the published code takes in fact, or BYOL's, as the paper says.
Command: python main.py --config configs/carl_cls_pouring.py --config.data.dir=POURING --workdir runs/cls_pouring
"""

from configs._base import carl_variants as variants
from configs._base import video_datasets as datasets
from configs._base.carl_base import entry

get_config = entry(
    "carl_cls_pouring",
    datasets.pouring,
    variants.ONE_VIEW,
    variants.CLASSIFICATION,
    variants.ALL_LABELS,
    variants.POURING,
    variants.training(500, 240, variants.POURING_VIDEOS, batch_size=2),
)
