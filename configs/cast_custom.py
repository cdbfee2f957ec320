"""CAST on your own folder of clips, with the published settings of Something-Something-V2 but for smaller batches.

The folder holds clips/, train.csv and val.csv with the columns video and label, or video, verb and noun; start and stop
(seconds) beside them make clips of parts of long videos.
Add --init_from ViT-B-16.pt --init_from VIDEOMAE.pth: CLIP's file and one of VideoMAE.
Command: python main.py --config configs/cast_custom.py --config.data.dir=FOLDER --workdir runs/mine

Worth setting: data.augmentation.flip=0.0 where left and right are not the same; data.sampling.strategy="dense" for
clips whose pace matters; eval.select_metric="Action@1" where clips have a verb and a noun.
A small network without weights of others, to try a folder on a CPU: take the model settings of cast_synthetic.py, above
all model.train_experts=True and model.start_scale=7.0, without which it learns next to nothing.
"""

from configs._base import clip_datasets as datasets
from configs._base.cast_base import entry, epochs, rates

get_config = entry("cast_custom", datasets.custom, epochs(50), rates(24), {"train": {"eval_every": 200}})
