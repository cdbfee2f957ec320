"""FACT on your own folder in MS-TCN layout, with one of two recipes.

The folder holds features/VIDEO.npy, groundTruth/VIDEO.txt, mapping.txt and splits/{train,test}.split1.bundle.
Result: depends on your data; python main.py checks all of it before training and lists every problem.
Command: python main.py --config configs/fact_custom.py --config.data.dir=FOLDER --workdir runs/custom

`fact_custom.py:recipe=published`, the default, has the published GTEA settings (28 short videos, many segments each);
`fact_custom.py:recipe=small` those that did best in validation with 15 to 100 training videos, in a fraction of the time
(fact_jax/models/fact/README.md).

Worth setting: data.background_ids, data.evaluate_background, data.time_axis ("first" for (T, D) files),
data.sample_rate for long videos, and model.num_tokens: at least the number of segments of any training video,
better 1.5 times that.
"""

from configs import fact_gtea
from configs._base import datasets, fact_base

# A narrow network that learns fast, and evaluations with averaged weights.
SMALL = {
    "model": {
        "input_block": {
            "hidden_dim": 64,
            "frame_dim": 64,
            "action_dim": 64,
            "action_layers": 3,
            "action_ff_dim": 128,
        },
    },
    "optimizer": {
        "learning_rate": 1e-3,
        "schedule": "cosine",
        "warmup_epochs": 15,
        "cosine_epochs": 285,
        "ema_decay": 0.998,
    },
    "train": {"epochs": 300},
}
RECIPES = {"published": {}, "small": SMALL}

get_config = fact_base.entry("fact_custom", datasets.base, fact_gtea.SETTINGS, recipes=RECIPES)
