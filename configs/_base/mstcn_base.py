"""MS-TCN's own settings; every MS-TCN config starts from here.

Paper: Abu Farha & Gall, MS-TCN: Multi-Stage Temporal Convolutional Network for Action Segmentation, CVPR 2019. Code:
github.com/yabufarha/ms-tcn. One set of settings is published for all datasets. The published runs score the parameters
of the last epoch, not the best ones on the test videos: the column "final" of results.md.
"""

import functools

from configs._base import common, frame_model_base


def base_config(name, data):
    """An MS-TCN run on the dataset block `data`."""
    return frame_model_base.base_config(
        name,
        data,
        {
            "name": "mstcn",  # system to build
            "num_stages": 4,  # the first reads the features, every other one refines the stage before
            "num_layers": 10,  # of a stage; layer l has a dilation of 2**l frames
            "dim": 64,  # channels of the layers
            "dropout_rate": 0.5,  # probability, in every layer
        },
    )


def finish(config, arg):
    """Applies the arguments after the colon of `--config FILE:ARGS` and locks the config."""
    return frame_model_base.finish(config, arg, {"num_stages": 2, "num_layers": 2, "dim": 8})


# entry(name, data, *changes) is the `get_config` of a config file.
entry = functools.partial(common.entry, base_config, finish)
