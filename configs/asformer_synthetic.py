"""ASFormer on the built-in synthetic dataset: a first run, no files needed.

A smaller network than the published one, with larger batches, a shorter schedule and less dropout.
Command: python main.py --config configs/asformer_synthetic.py --workdir runs/asformer
"""

from configs._base import asformer_base, datasets, frame_model_base


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas; the dataset has one split."""
    config = asformer_base.base_config("asformer_synthetic", datasets.synthetic())
    config.model.update(
        {"num_decoders": 2, "num_layers": 7, "dim": 32, "channel_dropout_rate": 0.1, "dropout_rate": 0.2}
    )
    frame_model_base.apply_synthetic_training(config)
    return asformer_base.finish(config, arg)
