"""ASFormer on GTEA with the published settings.

Paper: Yi, Wen & Jiang, ASFormer, BMVC 2021; its numbers are the mean of splits 1 to 4.
Command: python main.py --config configs/asformer_gtea.py:split=1 --config.data.dir=GTEA --workdir runs/asformer_gtea1
"""

from configs._base import asformer_base, datasets


def get_config(arg=""):
    """Accepts `split=1`, `seed=0` and `quick` after the colon, separated by commas."""
    config = asformer_base.base_config("asformer_gtea", datasets.gtea())
    config.model.channel_dropout_rate = 0.5
    config.train.eval_every = 210  # ten epochs of 21 videos, as published
    return asformer_base.finish(config, arg)
