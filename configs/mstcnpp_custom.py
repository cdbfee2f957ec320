"""MS-TCN++ on your own folder in MS-TCN layout, with the published settings.

The folder holds features/VIDEO.npy, groundTruth/VIDEO.txt, mapping.txt and splits/{train,test}.split1.bundle.
Command: python main.py --config configs/mstcnpp_custom.py --config.data.dir=FOLDER --workdir runs/mstcnpp

Worth setting: data.background_ids, data.evaluate_background, data.time_axis ("first" for (T, D) files), and
data.sample_rate for long videos.
"""

from configs._base import datasets, mstcnpp_base

get_config = mstcnpp_base.entry("mstcnpp_custom", datasets.base)
