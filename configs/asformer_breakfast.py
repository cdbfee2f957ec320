"""ASFormer on Breakfast with the published settings.

Paper: Yi, Wen & Jiang, ASFormer, BMVC 2021; its numbers are the mean of splits 1 to 4.
Command: python main.py --config configs/asformer_breakfast.py:split=1 --config.data.dir=BREAKFAST --workdir runs/asf1
"""

from configs._base import asformer_base, datasets


def get_config(arg=""):
    """Accepts `split=1`, `seed=0` and `quick` after the colon, separated by commas."""
    config = asformer_base.base_config("asformer_breakfast", datasets.breakfast())
    config.optimizer.learning_rate = 1e-4
    config.train.update({"log_every": 500, "eval_every": 14600})  # about ten epochs
    return asformer_base.finish(config, arg)
