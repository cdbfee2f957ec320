"""CARL on your own folder of videos, with or without labels, with the published settings of PennAction.

The folder holds videos/, and labels/VIDEO.txt if there are any: a phase name in every line, one per frame, or rows of
start, end (seconds) and phase. Without labels only Kendall's tau is scored: how well the videos follow one another.
Command: python main.py --config configs/carl_custom.py --config.data.dir=FOLDER --workdir runs/mine

Worth setting: --init_from FILE with a ResNet-50 of torchvision or BYOL; data.clip.num_frames, the frames of a clip;
data.augmentation.evaluation_crop="center" as published, which sees 224 x 224 pixels of the middle; train.batch_size.
"""

from configs._base import video_datasets as datasets
from configs._base.carl_base import entry, epochs

get_config = entry(
    "carl_custom",
    datasets.custom,
    {"model": {"num_layers": 3}, "eval": {"fractions": (1.0,), "frames_per_chunk": 500}},
    epochs(300),
    {"train": {"eval_every": 500}},
)
