"""The contrastive loss of CARL without its transformer, on Pouring, with the published settings.

Published baseline: an embedding of every frame by itself and one frame before it, by convolutions.
Command: python main.py --config configs/carl_conv_pouring.py --config.data.dir=POURING --workdir runs/conv_pouring
"""

from configs._base import carl_variants as variants
from configs._base import video_datasets as datasets
from configs._base.carl_base import entry

get_config = entry(
    "carl_conv_pouring",
    datasets.pouring,
    variants.CONV,
    variants.POURING,
    variants.training(500, 40, variants.POURING_VIDEOS),
)
