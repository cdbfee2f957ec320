"""ActionFormer on your own videos: annotations.json in the form of ActivityNet, and one feature file per video.

The settings are those of THUMOS14. Set config.data.feature_stride, window and fps to what your features were made
with, and config.model.regression_from and regression_to to the lengths of your actions in features.
Command: python main.py --config configs/actionformer_custom.py --config.data.dir=FOLDER --workdir runs/mine
"""

from configs._base import actionformer_base, localization_datasets


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas."""
    config = actionformer_base.base_config("actionformer_custom", localization_datasets.custom())
    config.model.window_sizes = (19,)
    actionformer_base.set_epochs(config, 30, steps_per_epoch=100)
    return actionformer_base.finish(config, arg)
