"""ActionFormer on the verbs of EPIC-Kitchens-100 with the published settings.

Result of the published checkpoint: mAP 26.6 at tIoU 0.1, 24.2 at 0.3, 19.1 at 0.5, average 23.5.
Command: python main.py --config configs/actionformer_epic_verb.py --config.data.dir=EPIC --workdir runs/epic_verb
"""

from configs._base import actionformer_base, localization_datasets


def apply_epic_settings(config):
    """The settings that the published configs of EPIC-Kitchens share."""
    config.model.update(
        {
            "window_sizes": (9,),
            "regression_from": (*actionformer_base.OVERLAPPING_FROM[:5], 32),
            "regression_to": (*actionformer_base.OVERLAPPING_TO[:5], 10000),
        }
    )
    config.loss.first_normalizer = 250.0
    actionformer_base.set_epochs(config, 16, steps_per_epoch=247)


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas."""
    config = actionformer_base.base_config("actionformer_epic_verb", localization_datasets.epic_verb())
    apply_epic_settings(config)
    return actionformer_base.finish(config, arg)
