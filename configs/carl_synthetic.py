"""CARL on the built-in synthetic videos: a first run, a few minutes on two CPU cores, no files needed.

An arm that turns and a body that grows tell the phase; colours, shapes, backgrounds, paths, speeds and the camera are
others in every video. Clips are windows, and evaluated chunks as long, so positions do not tell the phase.
Result on 12 videos never seen, seed 0, 4:53 on two cores with nothing compiled before: Classification@1 92.3, Tau 0.94.
Pixels averaged to 8 x 8, a line of every run (eval.pixel_size): 44.2 and 0.05. The network before training, step 0 of
every run (eval.at_start): 36.2 and 0.23.
Command: python main.py --config configs/carl_synthetic.py --workdir runs/carl
"""

from configs._base import video_datasets as datasets
from configs._base.carl_base import entry, epochs

get_config = entry(
    "carl_synthetic",
    datasets.synthetic,
    {
        "model": {
            # Of the ResNet the stem is frozen, as it is drawn, and two stages are trained.
            "stem_dim": 24,
            "stage_dims": (16, 16, 16, 32),
            "stage_blocks": (0, 0, 2, 1),
            "backbone_stages": 2,
            "chunk_frames": 32,
            "fc_dims": (64, 64),
            "hidden_dim": 64,
            "ff_dim": 128,
            "num_heads": 4,
            "num_layers": 1,
            "embedding_dim": 32,
            "projection_dim": 32,
        },
        "eval": {"batch_size": 8, "frames_per_chunk": 32, "fractions": (1.0,), "at_start": True, "pixel_size": 8},
    },
    epochs(40),
    {"optimizer": {"learning_rate": 2e-3}, "train": {"batch_size": 4, "log_every": 20, "eval_every": 160}},
)
