"""ActionFormer on the Moment Queries of Ego4D with SlowFast features and the published settings.

Result of the published checkpoint: average mAP 14.9, average Recall@1x 41.3.
Command: python main.py --config configs/actionformer_ego4d_s.py --config.data.dir=EGO4D --workdir runs/ego4d_s
"""

from configs._base import actionformer_base, localization_datasets


def apply_ego4d_settings(config, branch_layers=7):
    """The settings that the published configs of Ego4D share."""
    levels = branch_layers + 1
    config.model.update(
        {
            "branch_layers": branch_layers,
            "window_sizes": (9,),
            "absolute_positions": True,
            "dropout_rate": 0.1,
            "regression_from": actionformer_base.OVERLAPPING_FROM[:levels],
            "regression_to": (*actionformer_base.OVERLAPPING_TO[: levels - 1], 10000),
        }
    )
    actionformer_base.set_epochs(config, 10, steps_per_epoch=743)


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas."""
    config = actionformer_base.base_config("actionformer_ego4d_s", localization_datasets.ego4d("s"))
    apply_ego4d_settings(config, branch_layers=6)
    return actionformer_base.finish(config, arg)
