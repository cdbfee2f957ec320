"""CAST on Kinetics-400 with the published settings.

The folder holds train/NAME.mp4, val/NAME.mp4, train.csv and val.csv, the lists of the published code.
Add --init_from ViT-B-16.pt --init_from VIDEOMAE.pth: CLIP's file and one of VideoMAE, trained on the same clips. The
batch is that of 16 GPUs; on fewer, train.micro_batch_size cuts it.
Command: python main.py --config configs/cast_k400.py --config.data.dir=KINETICS --workdir runs/k400
"""

from configs._base import cast_variants as variants
from configs._base import clip_datasets as datasets
from configs._base.cast_base import entry

get_config = entry(
    "cast_k400", datasets.kinetics, variants.KINETICS, variants.training(70, variants.KINETICS_CLIPS, batch_size=576)
)
