"""FACT on EgoProceL with the published settings.

Paper: Lu & Elhamifar, FACT, CVPR 2024; the dataset has one split. Its frames are sampled 1 in 3.
Command: python main.py --config configs/fact_egoprocel.py --config.data.dir=EGOPROCEL --workdir runs/egoprocel

For one token per class (--config.loss.match=o2m) the published average transcript length is 7.4:
add --config.data.average_transcript_length=7.4.
"""

from configs._base import datasets, fact_base

SETTINGS = {
    "model": {
        "blocks": "iUUU",
        "num_tokens": 200,
        "frame_weight": 0.9,
        "input_block": {"frame_dim": 256, "action_dim": 256},
    },
    "loss": {"background_weight": 0.5},
    "optimizer": {"decay_epoch": 250},
    "train": {"epochs": 350, "log_every": 4000, "eval_every": 10000},
}

get_config = fact_base.entry("fact_egoprocel", datasets.egoprocel, SETTINGS)
