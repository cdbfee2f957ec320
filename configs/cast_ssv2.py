"""CAST on Something-Something-V2 with the published settings.

The folder holds NAME.mp4, train.csv and val.csv, the lists of the published code.
Add --init_from ViT-B-16.pt --init_from VIDEOMAE.pth: CLIP's file and one of VideoMAE, trained on the same clips. The
batch is that of 16 GPUs; on fewer, train.micro_batch_size cuts it.
Command: python main.py --config configs/cast_ssv2.py --config.data.dir=SSV2 --workdir runs/ssv2
"""

from configs._base import cast_variants as variants
from configs._base import clip_datasets as datasets
from configs._base.cast_base import entry

get_config = entry("cast_ssv2", datasets.ssv2, variants.SSV2, variants.training(50, variants.SSV2_CLIPS))
