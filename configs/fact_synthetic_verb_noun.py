"""FACT for verbs and nouns on the built-in synthetic dataset: a first run of the EPIC-Kitchens form, no files needed.

Every class is a pair such as "pour,milk"; verbs and nouns recur in several classes.
Measured values: fact_jax/benchmark/history.
Command: python main.py --config configs/fact_synthetic_verb_noun.py --workdir runs/verb_noun
"""

from configs import fact_synthetic
from configs._base import datasets, fact_base

VERBS_AND_NOUNS = {
    "data": {"synthetic": {"verb_noun": True}},
    "model": {"blocks": "IU", "frame_positions": True},
    "loss": {"match": "o2m", "background_weight": 0.5, "null_weight": 0.05},
}

get_config = fact_base.entry("fact_synthetic_verb_noun", datasets.synthetic, fact_synthetic.SETTINGS, VERBS_AND_NOUNS)
