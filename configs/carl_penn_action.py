"""CARL on PennAction, one network for all 13 actions, with the published settings.

Add --init_from FILE with a ResNet-50: torchvision's, as the published code takes in fact, or BYOL's, as the paper says.
Command: python main.py --config configs/carl_penn_action.py --config.data.dir=PENN --workdir runs/penn_action
"""

from configs._base import carl_variants as variants
from configs._base import video_datasets as datasets
from configs._base.carl_base import entry

get_config = entry(
    "carl_penn_action",
    datasets.penn_action,
    variants.PENN_ACTION,
    variants.ALL_LABELS,
    {"model": {"num_layers": 3}},
    variants.training(300, 80, variants.PENN_ACTION_VIDEOS),
)
