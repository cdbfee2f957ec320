"""CAST with a classifier for verbs and one for nouns on the built-in drawn clips: no files needed.

The verb is how the ground drifts, the noun which shape has another colour than the others.
Result on 240 clips never seen, seed 0: Action@1 100.0.
Command: python main.py --config configs/cast_synthetic_verb_noun.py --workdir runs/cast_verb_noun
"""

from configs import cast_synthetic
from configs._base import clip_datasets as datasets
from configs._base.cast_base import entry, epochs

VERB_NOUN = {"data": {"synthetic": {"pairs": True}}, "eval": {"select_metric": "Action@1"}}

get_config = entry(
    "cast_synthetic_verb_noun",
    datasets.synthetic,
    cast_synthetic.SETTINGS,
    epochs(6, warmup=1),
    cast_synthetic.TRAINING,
    VERB_NOUN,
)
