"""MS-TCN++ on the built-in synthetic dataset: a first run, no files needed.

The published network with a shorter schedule and larger batches.
Command: python main.py --config configs/mstcnpp_synthetic.py --workdir runs/mstcnpp
"""

from configs._base import datasets, frame_model_base, mstcnpp_base

get_config = mstcnpp_base.entry("mstcnpp_synthetic", datasets.synthetic, frame_model_base.SYNTHETIC_TRAINING)
