"""ASFormer on 50Salads with the published settings.

Paper: Yi, Wen & Jiang, ASFormer, BMVC 2021; its numbers are the mean of splits 1 to 5.
Every second of 30 frames per second is used, as published.
Command: python main.py --config configs/asformer_50salads.py:split=1 --config.data.dir=50SALADS --workdir runs/salads1
"""

from configs._base import asformer_base, datasets

EVERY_TEN_EPOCHS = {"train": {"log_every": 40, "eval_every": 400}}  # of 40 videos, as published

get_config = asformer_base.entry("asformer_50salads", datasets.salads, EVERY_TEN_EPOCHS)
