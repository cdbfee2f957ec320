"""What the published configs of CARL share beside the base: by dataset, without transformer, and with other losses.

Published keys stand in brackets. Steps between evaluations are those of the published number of epochs (VAL_INTERVAL).
"""

from configs._base.carl_base import epochs

POURING_VIDEOS, PENN_ACTION_VIDEOS = 70, 1140  # to train on
# About as many; nothing but the steps between evaluations depends on them.
FINEGYM_VIDEOS, KINETICS_VIDEOS = 3200, 240_000

# The score is tau, and every so many frames count for it and for retrieval (KENDALLS_TAU_STRIDE).
POURING = {"eval": {"stride": 5}}
PENN_ACTION = {"eval": {"stride": 2}}
# A linear classifier of frames; videos of thousands of frames are seen whole.
FINEGYM = {"eval": {"tasks": ("linear_probe",), "stride": 5, "frames_per_chunk": 6000, "select_metric": "Linear@1"}}

# An embedding of every frame by itself and the one 15 frames before it; all of the ResNet that it reads is trained.
CONV = {
    "data": {"clip": {"num_contexts": 2, "context_stride": 15, "strategy": "offset_uniform", "sampling_region": 0.0}},
    "model": {"embedder": "conv", "train_backbone": "all"},
    "eval": {"frames_per_chunk": 25},
}
# One view of a video, whose brightness, contrast and side change (SSL, AUGMENTATION).
ONE_VIEW = {
    "data": {
        "clip": {"consistent_offset": 0.0},
        "augmentation": {"self_supervised": False, "random_crop": False, "evaluation_crop": "whole"},
    },
    "model": {"projection_dim": 0},
}
CONSTANT_RATE = {"optimizer": {"schedule": "drop", "decay_epoch": -1}}  # (DECAY_TYPE fixed)
TCC = {"loss": {"objective": "tcc"}, "model": {"l2_normalize": False}}
TCN = {"loss": {"objective": "tcn"}, "data": {"clip": {"positives": True}}}
CLASSIFICATION = {"loss": {"objective": "classification"}, "model": {"l2_normalize": False}}
FINEGYM_CONV = {"eval": {"frames_per_chunk": 100}}
ALL_LABELS = {"eval": {"fractions": (1.0,)}}  # linear models see all training videos (CLASSIFICATION_FRACTIONS)


def training(num_epochs, num_frames, videos, *, batch_size=1, every=50):
    """Settings: so many epochs of `videos`, clips of so many frames, an evaluation every so many epochs."""
    settings = epochs(num_epochs)
    steps = every * (videos // batch_size)
    settings["train"] |= {"batch_size": batch_size, "eval_every": steps}
    return settings | {"data": {"clip": {"num_frames": num_frames}}}
