"""FACT with given transcripts on the built-in synthetic dataset: a first run with transcripts, no files needed.

The order of the actions is known and their times are not. Every frame chooses its place in the transcript on its own,
so the predicted order can still differ from the given one. Measured values: fact_jax/benchmark/history.
Command: python main.py --config configs/fact_synthetic_transcript.py --workdir runs/transcript
"""

from configs import fact_gtea_transcript, fact_synthetic
from configs._base import datasets, fact_base

CHANGES = {"model": {"input_block": {"action_branch": "gru_om"}}}

get_config = fact_base.entry(
    "fact_synthetic_transcript", datasets.synthetic, fact_synthetic.SETTINGS, fact_gtea_transcript.TRANSCRIPT, CHANGES
)
