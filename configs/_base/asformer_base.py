"""ASFormer's own settings; every ASFormer config starts from here.

Paper: Yi, Wen & Jiang, ASFormer: Transformer for Action Segmentation, BMVC 2021. Code: github.com/ChinaYi/ASFormer.
The published runs score the parameters of the last epoch, not the best ones on the test videos: the column "final" of
results.md.
"""

import functools

from configs._base import common, frame_model_base


def base_config(name, data):
    """An ASFormer run on the dataset block `data`."""
    config = frame_model_base.base_config(
        name,
        data,
        {
            "name": "asformer",  # system to build
            "num_decoders": 3,  # stages behind the encoder, each of which refines the stage before
            "num_layers": 10,  # of a stage; layer l has a dilation and a window of 2**l frames
            "dim": 64,  # channels of the layers
            "query_reduction": 2,  # queries and keys of the attention have this many times fewer channels (r1)
            "value_reduction": 2,  # values have this many times fewer (r2)
            "windows": "released",  # "released" as the published weights are trained, or "banded" as the code means it
            "channel_dropout_rate": 0.3,  # probability to drop an input channel for a whole video (channel_mask_rate)
            "dropout_rate": 0.5,  # probability, in every layer
        },
    )
    config.optimizer.update({"weight_decay": 1e-5, "plateau_factor": 0.5, "plateau_patience": 3})
    config.train.epochs = 120
    return config


def finish(config, arg):
    """Applies the arguments after the colon of `--config FILE:ARGS` and locks the config."""
    return frame_model_base.finish(config, arg, {"num_decoders": 1, "num_layers": 3, "dim": 8})


# entry(name, data, *changes) is the `get_config` of a config file.
entry = functools.partial(common.entry, base_config, finish)
