"""The spatial expert of CAST alone, CLIP's image tower with adapters, on EPIC-Kitchens-100; else as cast_epic.

Add --init_from ViT-B-16.pt, CLIP's file. model.adapters=False with model.train_experts=True trains all of it.
Command: python main.py --config configs/cast_clip_epic.py --config.data.dir=EPIC --workdir runs/clip_epic
"""

from configs._base import cast_variants as variants
from configs._base import clip_datasets as datasets
from configs._base.cast_base import entry

get_config = entry(
    "cast_clip_epic", datasets.epic, variants.EPIC, variants.CLIP, variants.training(50, variants.EPIC_CLIPS)
)
