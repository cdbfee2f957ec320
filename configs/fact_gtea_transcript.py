"""FACT on GTEA with the transcript of every video given: only the times of the actions are unknown.

Published settings. The published config cannot run (it leaves the average transcript length open); this one does.
At prediction time the transcripts come from the labels, or from a folder: see data_pipelines/README.md, "Transcripts".
Command: python main.py --config configs/fact_gtea_transcript.py:split=4 --config.data.dir=GTEA --workdir runs/gtea_t
"""

from configs import fact_gtea
from configs._base import datasets, fact_base


def apply_transcript_settings(config):
    """Tokens that come from the transcript, in its order, instead of being learned."""
    config.model.update({"use_transcript": True, "num_tokens": 0, "frame_weight": 0.0})
    config.loss.update({"match": "seq", "prob_cost": 1.0})


def get_config(arg=""):
    """Accepts `split=1`, `seed=0` and `quick` after the colon, separated by commas."""
    config = fact_base.base_config("fact_gtea_transcript", datasets.gtea())
    fact_gtea.apply_gtea_settings(config)
    apply_transcript_settings(config)
    config.data.split = "split4"
    config.model.input_block.action_layers = 3
    config.model.update_block.frame_layers = 3
    config.model.temporal_block.frame_layers = 5
    config.optimizer.decay_epoch = -1
    config.train.update({"epochs": 2000, "log_every": 400, "eval_every": 900})
    return fact_base.finish(config, arg)
