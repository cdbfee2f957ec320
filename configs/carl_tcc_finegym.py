"""TCC, cycle consistency of pairs of videos, on FineGym, with the settings published with CARL.

Command: python main.py --config configs/carl_tcc_finegym.py --config.data.dir=FINEGYM --workdir runs/tcc_finegym
"""

from configs._base import carl_variants as variants
from configs._base import video_datasets as datasets
from configs._base.carl_base import entry

get_config = entry(
    "carl_tcc_finegym",
    datasets.finegym,
    variants.CONV,
    variants.ONE_VIEW,
    variants.TCC,
    variants.CONSTANT_RATE,
    variants.FINEGYM,
    variants.FINEGYM_CONV,
    {"model": {"l2_normalize": True}},
    variants.training(300, 40, variants.FINEGYM_VIDEOS, batch_size=2),
)
