"""The contrastive loss of CARL without its transformer, on PennAction, with the published settings.

Published baseline: an embedding of every frame by itself and one frame before it, by convolutions.
Command: python main.py --config configs/carl_conv_penn_action.py --config.data.dir=PENN --workdir runs/conv_penn_action
"""

from configs._base import carl_variants as variants
from configs._base import video_datasets as datasets
from configs._base.carl_base import entry

get_config = entry(
    "carl_conv_penn_action",
    datasets.penn_action,
    variants.CONV,
    variants.PENN_ACTION,
    variants.training(300, 20, variants.PENN_ACTION_VIDEOS, batch_size=2),
)
