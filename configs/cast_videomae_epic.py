"""The temporal expert of CAST alone, VideoMAE with adapters, on EPIC-Kitchens-100; else as cast_epic.

Add --init_from VIDEOMAE.pth, a file of VideoMAE. model.adapters=False with model.train_experts=True trains all of it.
Command: python main.py --config configs/cast_videomae_epic.py --config.data.dir=EPIC --workdir runs/videomae_epic
"""

from configs._base import cast_variants as variants
from configs._base import clip_datasets as datasets
from configs._base.cast_base import entry

get_config = entry(
    "cast_videomae_epic", datasets.epic, variants.EPIC, variants.VIDEOMAE, variants.training(50, variants.EPIC_CLIPS)
)
