"""FAFormer's own settings; every FAFormer config starts from here.

FAFormer is FACT with a projection of the input features and an encoder in the manner of ASFormer for a frame branch.
The published code cannot be run as it is; fact_jax/models/fact/README.md lists the repairs. Published keys stand in
brackets in fact_base.py; the settings are those of the one published config, for GTEA.
"""

import functools

from configs._base import common, fact_base

# Frame branch "t" in every block, with the published settings.
ENCODER = {
    "frame_branch": "t",
    "encoder_layers": 4,
    "encoder_dim": 64,
    "encoder_reduction": 2,
    "encoder_attention": 0.5,
    "encoder_channel_dropout_rate": 0.5,
}


def base_config(name, data):
    """A FAFormer run on the dataset block `data`."""
    config = fact_base.base_config(name, data)
    config.model.update({"name": "faformer", "blocks": "iuU", "channel_dropout_rate": 0.5})
    config.model.input_block.update(ENCODER | {"frame_dim": 128, "action_dim": 128, "dropout_rate": 0.2})
    return config


# entry(name, data, *changes) is the `get_config` of a config file.
entry = functools.partial(common.entry, base_config, fact_base.finish)
