"""MS-TCN on your own folder in MS-TCN layout, with the published settings.

The folder holds features/VIDEO.npy, groundTruth/VIDEO.txt, mapping.txt and splits/{train,test}.split1.bundle.
Command: python main.py --config configs/mstcn_custom.py --config.data.dir=FOLDER --workdir runs/mstcn

Worth setting: data.background_ids, data.evaluate_background, data.time_axis ("first" for (T, D) files), and
data.sample_rate for long videos.
"""

from configs._base import datasets, mstcn_base

get_config = mstcn_base.entry("mstcn_custom", datasets.base)
