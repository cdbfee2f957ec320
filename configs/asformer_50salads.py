"""ASFormer on 50Salads with the published settings.

Paper: Yi, Wen & Jiang, ASFormer, BMVC 2021; its numbers are the mean of splits 1 to 5.
Every second of 30 frames per second is used, as published.
Command: python main.py --config configs/asformer_50salads.py:split=1 --config.data.dir=50SALADS --workdir runs/salads1
"""

from configs._base import asformer_base, datasets


def get_config(arg=""):
    """Accepts `split=1`, `seed=0` and `quick` after the colon, separated by commas."""
    config = asformer_base.base_config("asformer_50salads", datasets.salads())
    config.train.update({"log_every": 40, "eval_every": 400})  # ten epochs of 40 videos, as published
    return asformer_base.finish(config, arg)
