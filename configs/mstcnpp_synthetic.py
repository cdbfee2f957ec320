"""MS-TCN++ on the built-in synthetic dataset: a first run, no files needed.

The published network with a shorter schedule and larger batches.
Command: python main.py --config configs/mstcnpp_synthetic.py --workdir runs/mstcnpp
"""

from configs._base import datasets, frame_model_base, mstcnpp_base


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas; the dataset has one split."""
    config = mstcnpp_base.base_config("mstcnpp_synthetic", datasets.synthetic())
    frame_model_base.apply_synthetic_training(config)
    return mstcnpp_base.finish(config, arg)
