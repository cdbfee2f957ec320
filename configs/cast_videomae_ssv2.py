"""The temporal expert of CAST alone, VideoMAE with adapters, on Something-Something-V2; else as cast_ssv2.

Add --init_from VIDEOMAE.pth, a file of VideoMAE. model.adapters=False with model.train_experts=True trains all of it.
Command: python main.py --config configs/cast_videomae_ssv2.py --config.data.dir=SSV2 --workdir runs/videomae_ssv2
"""

from configs._base import cast_variants as variants
from configs._base import clip_datasets as datasets
from configs._base.cast_base import entry

get_config = entry(
    "cast_videomae_ssv2", datasets.ssv2, variants.SSV2, variants.VIDEOMAE, variants.training(50, variants.SSV2_CLIPS)
)
