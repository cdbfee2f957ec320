"""The contrastive loss of CARL without its transformer, on FineGym, with the published settings.

Published baseline: an embedding of every frame by itself and one frame before it, by convolutions.
Command: python main.py --config configs/carl_conv_finegym.py --config.data.dir=FINEGYM --workdir runs/conv_finegym
"""

from configs._base import carl_variants as variants
from configs._base import video_datasets as datasets
from configs._base.carl_base import entry

get_config = entry(
    "carl_conv_finegym",
    datasets.finegym,
    variants.CONV,
    variants.FINEGYM,
    variants.FINEGYM_CONV,
    variants.training(100, 40, variants.FINEGYM_VIDEOS),
)
