"""ActionFormer on THUMOS14 with the published settings.

Result of the published checkpoint: mAP 82.1 at tIoU 0.3, 71.0 at 0.5, 43.9 at 0.7, average 66.8.
Command: python main.py --config configs/actionformer_thumos14.py --config.data.dir=THUMOS14 --workdir runs/thumos14
"""

from configs._base import actionformer_base, localization_datasets


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas."""
    config = actionformer_base.base_config("actionformer_thumos14", localization_datasets.thumos14())
    config.model.window_sizes = (19,)
    actionformer_base.set_epochs(config, 30, steps_per_epoch=100)
    return actionformer_base.finish(config, arg)
