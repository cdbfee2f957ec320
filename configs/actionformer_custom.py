"""ActionFormer on your own videos: annotations.json in the form of ActivityNet, and one feature file per video.

The settings are those of THUMOS14. Features of --mode extract say themselves where they lie in time; of others set
config.data.feature_stride, window and fps to what they were made with. Set config.model.regression_from and
regression_to to the lengths of your actions in features.
Command: python main.py --config configs/actionformer_custom.py --config.data.dir=FOLDER --workdir runs/mine
"""

from configs._base import localization_datasets as datasets
from configs._base.actionformer_base import entry, epochs

get_config = entry(
    "actionformer_custom", datasets.custom, {"model": {"window_sizes": (19,)}}, epochs(30, steps_per_epoch=100)
)
