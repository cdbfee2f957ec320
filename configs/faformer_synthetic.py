"""FAFormer on the built-in synthetic dataset: a first run, no files needed.

The encoder has six layers; all else is as in fact_synthetic. No scores are claimed yet.
Command: python main.py --config configs/faformer_synthetic.py --workdir runs/faformer
"""

from configs import fact_synthetic
from configs._base import datasets, fact_base, faformer_base


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas; the dataset has one split."""
    config = faformer_base.base_config("faformer_synthetic", datasets.synthetic())
    fact_synthetic.apply_synthetic_settings(config)
    faformer_base.apply_encoder(config)
    config.model.input_block.update({"encoder_layers": 6, "encoder_channel_dropout_rate": 0.1})
    return fact_base.finish(config, arg)
