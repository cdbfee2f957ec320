"""TCC with CARL's transformer, on Pouring, with the published settings.

Add --init_from FILE with a ResNet-50: torchvision's, as the published code takes in fact, or BYOL's, as the paper says.
Command: python main.py --config configs/carl_tcc_transformer_pouring.py --config.data.dir=POURING --workdir runs/tcc
"""

from configs._base import carl_variants as variants
from configs._base import video_datasets as datasets
from configs._base.carl_base import entry

get_config = entry(
    "carl_tcc_transformer_pouring",
    datasets.pouring,
    variants.ONE_VIEW,
    variants.TCC,
    variants.POURING,
    variants.training(500, 240, variants.POURING_VIDEOS, batch_size=2),
)
