"""FACT on Breakfast with the published settings.

Paper: Lu & Elhamifar, FACT, CVPR 2024; its numbers are the mean of splits 1 to 4.
Command: python main.py --config configs/fact_breakfast.py:split=1 --config.data.dir=BREAKFAST --workdir runs/breakfast1
"""

from configs._base import datasets, fact_base

# Masking, schedule and batches of the published config.
SETTINGS = {
    "model": {"time_mask": {"count": 5, "max_frames": 30, "max_fraction": 0.05}},
    "optimizer": {"decay_epoch": 80},
    "train": {"batch_size": 4, "micro_batch_size": 1, "epochs": 150, "log_every": 1000, "eval_every": 2000},
    "eval": {"batch_size": 4},
}

get_config = fact_base.entry("fact_breakfast", datasets.breakfast, SETTINGS)
