"""ASFormer on Breakfast with the published settings.

Paper: Yi, Wen & Jiang, ASFormer, BMVC 2021; its numbers are the mean of splits 1 to 4.
Command: python main.py --config configs/asformer_breakfast.py:split=1 --config.data.dir=BREAKFAST --workdir runs/asf1
"""

from configs._base import asformer_base, datasets

SETTINGS = {
    "optimizer": {"learning_rate": 1e-4},
    "train": {"log_every": 500, "eval_every": 14600},  # about ten epochs
}

get_config = asformer_base.entry("asformer_breakfast", datasets.breakfast, SETTINGS)
