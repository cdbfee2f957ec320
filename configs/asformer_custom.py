"""ASFormer on your own folder in MS-TCN layout, with the published settings of GTEA.

The folder holds features/VIDEO.npy, groundTruth/VIDEO.txt, mapping.txt and splits/{train,test}.split1.bundle.
Command: python main.py --config configs/asformer_custom.py --config.data.dir=FOLDER --workdir runs/asformer

Worth setting: data.background_ids, data.evaluate_background, data.time_axis ("first" for (T, D) files), and
data.sample_rate for long videos: the last layers attend over 512 frames to either side.
"""

from configs._base import asformer_base, datasets

get_config = asformer_base.entry("asformer_custom", datasets.base, {"model": {"channel_dropout_rate": 0.5}})
