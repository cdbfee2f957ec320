"""MS-TCN++'s own settings; every MS-TCN++ config starts from here.

Paper: Li, Abu Farha, Liu, Cheng & Gall, MS-TCN++: Multi-Stage Temporal Convolutional Network for Action Segmentation,
TPAMI 2020. Code: github.com/sj-li/MS-TCN2. One set of settings is published for all datasets. The published runs score
the parameters of the last epoch: the column "final" of results.md.
"""

import functools

from configs._base import common, frame_model_base


def base_config(name, data):
    """An MS-TCN++ run on the dataset block `data`."""
    config = frame_model_base.base_config(
        name,
        data,
        {
            "name": "mstcn++",  # system to build
            "num_layers": 11,  # of the first stage; layer l joins dilations of 2**l and 2**(num_layers-1-l) frames
            "num_refinements": 3,  # stages after the first
            "num_refinement_layers": 10,  # of each of them; layer l has a dilation of 2**l frames
            "share_refinements": False,  # these stages have one set of parameters
            "dim": 64,  # channels of the layers
            "dropout_rate": 0.5,  # probability, in every layer
        },
    )
    config.train.epochs = 100
    return config


def finish(config, arg):
    """Applies the arguments after the colon of `--config FILE:ARGS` and locks the config."""
    quick = {"num_layers": 3, "num_refinements": 2, "num_refinement_layers": 2, "dim": 8}
    return frame_model_base.finish(config, arg, quick)


# entry(name, data, *changes) is the `get_config` of a config file.
entry = functools.partial(common.entry, base_config, finish)
