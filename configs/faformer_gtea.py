"""FAFormer on GTEA with the published settings.

No result of FAFormer is known: the numbers printed beside its published code are FACT's.
Command: python main.py --config configs/faformer_gtea.py:split=1 --config.data.dir=GTEA --workdir runs/faformer_gtea1
"""

from configs._base import datasets, fact_base, faformer_base


def apply_gtea_settings(config):
    """The training settings of the published config, apart from its dataset."""
    config.model.time_mask.update({"count": 5, "max_frames": 60, "max_fraction": 0.1})
    config.optimizer.decay_epoch = 250
    config.train.update({"epochs": 400, "log_every": 100, "eval_every": 500})


def get_config(arg=""):
    """Accepts `split=1`, `seed=0` and `quick` after the colon, separated by commas."""
    config = faformer_base.base_config("faformer_gtea", datasets.gtea())
    apply_gtea_settings(config)
    return fact_base.finish(config, arg)
