"""FAFormer on your own folder in MS-TCN layout, with the published settings of GTEA.

The folder holds features/VIDEO.npy, groundTruth/VIDEO.txt, mapping.txt and splits/{train,test}.split1.bundle.
Command: python main.py --config configs/faformer_custom.py --config.data.dir=FOLDER --workdir runs/faformer

Worth setting: data.background_ids, data.evaluate_background, data.time_axis ("first" for (T, D) files),
data.sample_rate for long videos, and model.num_tokens: at least the number of segments of any training video,
better 1.5 times that.
"""

from configs import faformer_gtea
from configs._base import datasets, faformer_base

get_config = faformer_base.entry("faformer_custom", datasets.base, faformer_gtea.SETTINGS)
