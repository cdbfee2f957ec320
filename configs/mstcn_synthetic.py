"""MS-TCN on the built-in synthetic dataset: a first run, no files needed.

The published network with a shorter schedule and larger batches.
Command: python main.py --config configs/mstcn_synthetic.py --workdir runs/mstcn
"""

from configs._base import datasets, frame_model_base, mstcn_base

get_config = mstcn_base.entry("mstcn_synthetic", datasets.synthetic, frame_model_base.SYNTHETIC_TRAINING)
