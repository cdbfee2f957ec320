"""The spatial expert of CAST alone, CLIP's image tower with adapters, on Kinetics-400; else as cast_k400.

Add --init_from ViT-B-16.pt, CLIP's file. model.adapters=False with model.train_experts=True trains all of it.
Command: python main.py --config configs/cast_clip_k400.py --config.data.dir=KINETICS --workdir runs/clip_k400
"""

from configs._base import cast_variants as variants
from configs._base import clip_datasets as datasets
from configs._base.cast_base import entry

get_config = entry(
    "cast_clip_k400",
    datasets.kinetics,
    variants.KINETICS,
    variants.CLIP,
    variants.training(70, variants.KINETICS_CLIPS, batch_size=576),
)
