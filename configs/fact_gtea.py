"""FACT on GTEA with the published settings.

Paper: Lu & Elhamifar, FACT, CVPR 2024; its numbers are the mean of splits 1 to 4.
Command: python main.py --config configs/fact_gtea.py:split=1 --config.data.dir=GTEA --workdir runs/gtea1
"""

from configs._base import datasets, fact_base

SETTINGS = {
    "model": {
        "blocks": "iuU",
        "channel_dropout_rate": 0.5,
        "input_block": {"frame_branch": "m", "frame_dim": 128, "action_dim": 128, "dropout_rate": 0.2},
        "time_mask": {"count": 5, "max_frames": 60, "max_fraction": 0.1},
    },
    "optimizer": {"decay_epoch": 250},
    "train": {"epochs": 400, "log_every": 100, "eval_every": 300},
}

get_config = fact_base.entry("fact_gtea", datasets.gtea, SETTINGS)
