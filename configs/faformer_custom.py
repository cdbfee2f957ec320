"""FAFormer on your own folder in MS-TCN layout, with one of two recipes.

The folder holds features/VIDEO.npy, groundTruth/VIDEO.txt, mapping.txt and splits/{train,test}.split1.bundle.
Command: python main.py --config configs/faformer_custom.py --config.data.dir=FOLDER --workdir runs/faformer

`faformer_custom.py:recipe=published`, the default, has the published GTEA settings; `faformer_custom.py:recipe=small`
those of FACT for few training videos, 15 to 100 (fact_jax/models/fact/README.md).

Worth setting: data.background_ids, data.evaluate_background, data.time_axis ("first" for (T, D) files),
data.sample_rate for long videos, and model.num_tokens: at least the number of segments of any training video,
better 1.5 times that.
"""

from configs import faformer_gtea
from configs._base import datasets, faformer_base, few_videos

get_config = faformer_base.entry("faformer_custom", datasets.base, faformer_gtea.SETTINGS, recipes=few_videos.RECIPES)
