"""ASFormer on your own folder in MS-TCN layout, with the published settings of GTEA.

The folder holds features/VIDEO.npy, groundTruth/VIDEO.txt, mapping.txt and splits/{train,test}.split1.bundle.
Command: python main.py --config configs/asformer_custom.py --config.data.dir=FOLDER --workdir runs/asformer

Worth setting: data.background_ids, data.evaluate_background, data.time_axis ("first" for (T, D) files), and
data.sample_rate for long videos: the last layers attend over 512 frames to either side.
"""

from configs._base import asformer_base, datasets


def get_config(arg=""):
    """Accepts `split=1` (or a name, `split=fold0`), `seed=0` and `quick` after the colon, separated by commas."""
    config = asformer_base.base_config("asformer_custom", datasets.base())
    config.model.channel_dropout_rate = 0.5
    return asformer_base.finish(config, arg)
