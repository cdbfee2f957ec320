"""MS-TCN++ on your own folder in MS-TCN layout, with the published settings.

The folder holds features/VIDEO.npy, groundTruth/VIDEO.txt, mapping.txt and splits/{train,test}.split1.bundle.
Command: python main.py --config configs/mstcnpp_custom.py --config.data.dir=FOLDER --workdir runs/mstcnpp

Worth setting: data.background_ids, data.evaluate_background, data.time_axis ("first" for (T, D) files), and
data.sample_rate for long videos.
"""

from configs._base import datasets, mstcnpp_base


def get_config(arg=""):
    """Accepts `split=1` (or a name, `split=fold0`), `seed=0` and `quick` after the colon, separated by commas."""
    config = mstcnpp_base.base_config("mstcnpp_custom", datasets.base())
    return mstcnpp_base.finish(config, arg)
