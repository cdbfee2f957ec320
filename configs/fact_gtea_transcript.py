"""FACT on GTEA with the transcript of every video given: only the times of the actions are unknown.

Published settings. The published config cannot run (it leaves the average transcript length open); this one does.
At prediction time the transcripts come from the labels, or from a folder: data_pipelines/segmentation/README.md.
Command: python main.py --config configs/fact_gtea_transcript.py:split=4 --config.data.dir=GTEA --workdir runs/gtea_t
"""

from configs import fact_gtea
from configs._base import datasets, fact_base

# Tokens that come from the transcript, in its order, instead of being learned.
TRANSCRIPT = {
    "model": {"use_transcript": True, "num_tokens": 0, "frame_weight": 0.0},
    "loss": {"match": "seq", "prob_cost": 1.0},
}
SETTINGS = {
    "data": {"split": "split4"},
    "model": {
        "input_block": {"action_layers": 3},
        "update_block": {"frame_layers": 3},
        "temporal_block": {"frame_layers": 5},
    },
    "optimizer": {"decay_epoch": -1},
    "train": {"epochs": 2000, "log_every": 400, "eval_every": 900},
}

get_config = fact_base.entry("fact_gtea_transcript", datasets.gtea, fact_gtea.SETTINGS, TRANSCRIPT, SETTINGS)
