"""ActionFormer on the verbs of EPIC-Kitchens-100 with the published settings.

Result of the published checkpoint: mAP 26.6 at tIoU 0.1, 24.2 at 0.3, 19.1 at 0.5, average 23.5.
Command: python main.py --config configs/actionformer_epic_verb.py --config.data.dir=EPIC --workdir runs/epic_verb
"""

from configs._base import localization_datasets as datasets
from configs._base.actionformer_base import OVERLAPPING_FROM, OVERLAPPING_TO, entry, epochs

# The published configs of EPIC-Kitchens share these.
SETTINGS = {
    "model": {
        "window_sizes": (9,),
        "regression_from": (*OVERLAPPING_FROM[:5], 32),
        "regression_to": (*OVERLAPPING_TO[:5], 10000),
    },
    "loss": {"first_normalizer": 250.0},
}

get_config = entry("actionformer_epic_verb", datasets.epic_verb, SETTINGS, epochs(16, steps_per_epoch=247))
