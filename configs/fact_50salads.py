"""FACT on 50Salads, for which no FACT config was published: the settings are ours, so no result is claimed.

They start from the published Breakfast settings (blocks, branches, widths, time mask). The dataset is much smaller
(40 training videos), hence batches of one video, dropout and a run as long as the published one on GTEA. Dataset
protocol of MS-TCN (Abu Farha & Gall, CVPR 2019): 19 classes, no background class, every second of 30 frames per second.
Command: python main.py --config configs/fact_50salads.py:split=1 --config.data.dir=50SALADS --workdir runs/50salads1
"""

from configs._base import datasets, fact_base

SETTINGS = {
    "model": {
        "num_tokens": 40,  # 1.5 times the longest transcript, 26 segments: the published rule for new datasets
        "input_block": {"frame_dim": 256, "action_dim": 256, "dropout_rate": 0.2},
        "time_mask": {"count": 5, "max_frames": 60, "max_fraction": 0.05},
    },
    "optimizer": {"decay_epoch": 200},
    "train": {"epochs": 300, "log_every": 200, "eval_every": 1000},
}

get_config = fact_base.entry("fact_50salads", datasets.salads, SETTINGS)
