"""FACT for verbs and nouns on the built-in synthetic dataset: a first run of the EPIC-Kitchens form, no files needed.

Every class is a pair such as "pour,milk"; verbs and nouns recur in several classes.
Measured values: fact_jax/benchmark/history.
Command: python main.py --config configs/fact_synthetic_verb_noun.py --workdir runs/verb_noun
"""

from configs import fact_synthetic
from configs._base import datasets, fact_base


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas; the dataset has one split."""
    config = fact_base.base_config("fact_synthetic_verb_noun", datasets.synthetic())
    fact_synthetic.apply_synthetic_settings(config)
    config.data.synthetic.verb_noun = True
    config.model.update({"blocks": "IU", "frame_positions": True})
    config.loss.update({"match": "o2m", "background_weight": 0.5, "null_weight": 0.05})
    return fact_base.finish(config, arg)
