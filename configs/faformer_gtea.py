"""FAFormer on GTEA with the published settings.

No result of FAFormer is known: the numbers printed beside its published code are FACT's.
Command: python main.py --config configs/faformer_gtea.py:split=1 --config.data.dir=GTEA --workdir runs/faformer_gtea1
"""

from configs._base import datasets, faformer_base

# The training settings of the published config.
SETTINGS = {
    "model": {"time_mask": {"count": 5, "max_frames": 60, "max_fraction": 0.1}},
    "optimizer": {"decay_epoch": 250},
    "train": {"epochs": 400, "log_every": 100, "eval_every": 500},
}

get_config = faformer_base.entry("faformer_gtea", datasets.gtea, SETTINGS)
