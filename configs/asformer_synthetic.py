"""ASFormer on the built-in synthetic dataset: a first run, no files needed.

A smaller network than the published one, with larger batches, a shorter schedule and less dropout.
Command: python main.py --config configs/asformer_synthetic.py --workdir runs/asformer
"""

from configs._base import asformer_base, datasets, frame_model_base

SMALL = {"num_decoders": 2, "num_layers": 7, "dim": 32, "channel_dropout_rate": 0.1, "dropout_rate": 0.2}

get_config = asformer_base.entry(
    "asformer_synthetic", datasets.synthetic, {"model": SMALL}, frame_model_base.SYNTHETIC_TRAINING
)
