"""CAST on EPIC-Kitchens-100 with the published settings: a verb and a noun for every clip.

The folder holds ID.mp4, one file per action, train.csv and val.csv, the lists of the published code.
Add --init_from ViT-B-16.pt --init_from VIDEOMAE.pth: CLIP's file and one of VideoMAE, trained on the same clips. The
batch is that of 16 GPUs; on fewer, train.micro_batch_size cuts it.
Command: python main.py --config configs/cast_epic.py --config.data.dir=EPIC --workdir runs/epic
"""

from configs._base import cast_variants as variants
from configs._base import clip_datasets as datasets
from configs._base.cast_base import entry

get_config = entry("cast_epic", datasets.epic, variants.EPIC, variants.training(50, variants.EPIC_CLIPS))
