"""FAFormer on the built-in synthetic dataset: a first run, no files needed.

The encoder has six layers; all else is as in fact_synthetic. No scores are claimed yet.
Command: python main.py --config configs/faformer_synthetic.py --workdir runs/faformer
"""

from configs import fact_synthetic
from configs._base import datasets, faformer_base

ENCODER = faformer_base.ENCODER | {"encoder_layers": 6, "encoder_channel_dropout_rate": 0.1}

get_config = faformer_base.entry(
    "faformer_synthetic", datasets.synthetic, fact_synthetic.SETTINGS, {"model": {"input_block": ENCODER}}
)
