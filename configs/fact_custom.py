"""FACT on your own folder in MS-TCN layout, with one of two recipes.

The folder holds features/VIDEO.npy, groundTruth/VIDEO.txt, mapping.txt and splits/{train,test}.split1.bundle.
Result: depends on your data; python main.py checks all of it before training and lists every problem.
Command: python main.py --config configs/fact_custom.py --config.data.dir=FOLDER --workdir runs/custom

`fact_custom.py:recipe=published`, the default, has the published GTEA settings (28 short videos, many segments each);
`fact_custom.py:recipe=small` those that did best in validation with few training videos, 15 to 100, in a fraction of
the time (fact_jax/models/fact/README.md).

Worth setting: data.background_ids, data.evaluate_background, data.time_axis ("first" for (T, D) files),
data.sample_rate for long videos, and model.num_tokens: at least the number of segments of any training video,
better 1.5 times that.
"""

from configs import fact_gtea
from configs._base import datasets, fact_base, few_videos

get_config = fact_base.entry("fact_custom", datasets.base, fact_gtea.SETTINGS, recipes=few_videos.RECIPES)
