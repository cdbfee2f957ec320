"""FACT on GTEA with the published settings.

Paper: Lu & Elhamifar, FACT, CVPR 2024; its numbers are the mean of splits 1 to 4.
Command: python main.py --config configs/fact_gtea.py:split=1 --config.data.dir=GTEA --workdir runs/gtea1
"""

from configs._base import datasets, fact_base


def apply_gtea_settings(config):
    """The settings of the published gtea config, apart from its dataset."""
    config.model.update({"blocks": "iuU", "channel_dropout_rate": 0.5})
    config.model.input_block.update({"frame_branch": "m", "frame_dim": 128, "action_dim": 128, "dropout_rate": 0.2})
    config.model.time_mask.update({"count": 5, "max_frames": 60, "max_fraction": 0.1})
    config.optimizer.decay_epoch = 250
    config.train.update({"epochs": 400, "log_every": 100, "eval_every": 300})


def get_config(arg=""):
    """Accepts `split=1`, `seed=0` and `quick` after the colon, separated by commas."""
    config = fact_base.base_config("fact_gtea", datasets.gtea())
    apply_gtea_settings(config)
    return fact_base.finish(config, arg)
