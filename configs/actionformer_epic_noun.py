"""ActionFormer on the nouns of EPIC-Kitchens-100 with the published settings.

Result of the published checkpoint: mAP 25.2 at tIoU 0.1, 22.7 at 0.3, 17.0 at 0.5, average 21.9.
Command: python main.py --config configs/actionformer_epic_noun.py --config.data.dir=EPIC --workdir runs/epic_noun
"""

from configs._base import localization_datasets as datasets
from configs._base.actionformer_base import entry, epochs
from configs.actionformer_epic_verb import SETTINGS

get_config = entry(
    "actionformer_epic_noun",
    datasets.epic_noun,
    SETTINGS,
    epochs(16, steps_per_epoch=247),
    {"loss": {"label_smoothing": 0.1}},
)
