"""TCN, n-pairs of neighbouring frames, on Pouring, with the settings published with CARL.

Command: python main.py --config configs/carl_tcn_pouring.py --config.data.dir=POURING --workdir runs/tcn_pouring
"""

from configs._base import carl_variants as variants
from configs._base import video_datasets as datasets
from configs._base.carl_base import entry

get_config = entry(
    "carl_tcn_pouring",
    datasets.pouring,
    variants.CONV,
    variants.ONE_VIEW,
    variants.TCN,
    variants.CONSTANT_RATE,
    variants.POURING,
    variants.training(500, 40, variants.POURING_VIDEOS, batch_size=2),
)
