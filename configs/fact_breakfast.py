"""FACT on Breakfast with the published settings.

Paper: Lu & Elhamifar, FACT, CVPR 2024; its numbers are the mean of splits 1 to 4.
Command: python main.py --config configs/fact_breakfast.py:split=1 --config.data.dir=BREAKFAST --workdir runs/breakfast1
"""

from configs._base import datasets, fact_base


def apply_training_settings(config):
    """Masking, schedule and batches of the published breakfast config."""
    config.model.time_mask.update({"count": 5, "max_frames": 30, "max_fraction": 0.05})
    config.optimizer.decay_epoch = 80
    config.train.update({"batch_size": 4, "micro_batch_size": 1, "epochs": 150, "log_every": 1000, "eval_every": 2000})
    config.eval.batch_size = 4


def get_config(arg=""):
    """Accepts `split=1`, `seed=0` and `quick` after the colon, separated by commas."""
    config = fact_base.base_config("fact_breakfast", datasets.breakfast())
    apply_training_settings(config)
    return fact_base.finish(config, arg)
