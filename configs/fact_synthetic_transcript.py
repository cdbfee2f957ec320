"""FACT with given transcripts on the built-in synthetic dataset: a first run with transcripts, no files needed.

The order of the actions is known and their times are not. Every frame chooses its place in the transcript on its own,
so the predicted order can still differ from the given one. Measured values: fact_jax/benchmark/history.
Command: python main.py --config configs/fact_synthetic_transcript.py --workdir runs/transcript
"""

from configs import fact_gtea_transcript, fact_synthetic
from configs._base import datasets, fact_base


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas; the dataset has one split."""
    config = fact_base.base_config("fact_synthetic_transcript", datasets.synthetic())
    fact_synthetic.apply_synthetic_settings(config)
    fact_gtea_transcript.apply_transcript_settings(config)
    config.model.input_block.action_branch = "gru_om"
    return fact_base.finish(config, arg)
