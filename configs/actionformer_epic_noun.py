"""ActionFormer on the nouns of EPIC-Kitchens-100 with the published settings.

Result of the published checkpoint: mAP 25.2 at tIoU 0.1, 22.7 at 0.3, 17.0 at 0.5, average 21.9.
Command: python main.py --config configs/actionformer_epic_noun.py --config.data.dir=EPIC --workdir runs/epic_noun
"""

from configs import actionformer_epic_verb
from configs._base import actionformer_base, localization_datasets


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas."""
    config = actionformer_base.base_config("actionformer_epic_noun", localization_datasets.epic_noun())
    actionformer_epic_verb.apply_epic_settings(config)
    config.loss.label_smoothing = 0.1
    return actionformer_base.finish(config, arg)
