"""FACT on EPIC-Kitchens with the published settings: classes are pairs of a verb and a noun.

Paper: Lu & Elhamifar, FACT, CVPR 2024; the dataset has one split. Its frames are sampled 1 in 4.
Command: python main.py --config configs/fact_epic.py --config.data.dir=EPIC --workdir runs/epic

With the transcripts given: --config.model.use_transcript=True --config.loss.match=seq. For one token per segment
(--config.loss.match=o2o) the published average transcript length is 165: --config.data.average_transcript_length=165.
"""

from configs._base import datasets, fact_base

SETTINGS = {
    "model": {
        "blocks": "IUUU",
        "num_tokens": 300,
        "frame_positions": True,
        "input_block": {"frame_dim": 256, "action_dim": 256},
    },
    "loss": {"match": "o2m", "background_weight": 0.5, "null_weight": 0.05},
    "optimizer": {"decay_epoch": 600},
    "train": {"epochs": 200, "log_every": 200, "eval_every": 1000},
}

get_config = fact_base.entry("fact_epic", datasets.epic, SETTINGS)
