"""ActionFormer on ActivityNet 1.3 with I3D features and the published settings.

It finds actions of any kind, and the scores of a video classifier name them (config.data.external_scores). Result of
the published checkpoint: mAP 54.3 at tIoU 0.5, 36.7 at 0.75, 8.2 at 0.95, average 36.0.
Command: python main.py --config configs/actionformer_anet_i3d.py --config.data.dir=ANET --workdir runs/anet
"""

from configs._base import actionformer_base, localization_datasets


def apply_activitynet_settings(config):
    """The settings that the published ActivityNet configs share."""
    config.model.update(
        {"window_sizes": (7, 7, 7, 7, 7, -1), "dim": 256, "neck_dim": 256, "head_dim": 256, "absolute_positions": True}
    )
    config.loss.update({"label_smoothing": 0.1, "regression_weight": 2.0, "first_normalizer": 200.0})
    config.optimizer.learning_rate = 1e-3
    config.train.batch_size = 16
    actionformer_base.set_epochs(config, 10, steps_per_epoch=625)


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas."""
    config = actionformer_base.base_config("actionformer_anet_i3d", localization_datasets.anet_i3d())
    apply_activitynet_settings(config)
    return actionformer_base.finish(config, arg)
