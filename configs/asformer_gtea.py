"""ASFormer on GTEA with the published settings.

Paper: Yi, Wen & Jiang, ASFormer, BMVC 2021; its numbers are the mean of splits 1 to 4.
Command: python main.py --config configs/asformer_gtea.py:split=1 --config.data.dir=GTEA --workdir runs/asformer_gtea1
"""

from configs._base import asformer_base, datasets

SETTINGS = {
    "model": {"channel_dropout_rate": 0.5},
    "train": {"eval_every": 210},  # ten epochs of 21 videos, as published
}

get_config = asformer_base.entry("asformer_gtea", datasets.gtea, SETTINGS)
