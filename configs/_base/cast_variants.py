"""What the published recipes of CAST set beside the base, by dataset, and the single experts."""

from configs._base.cast_base import epochs, rates

# Two classifiers, of nouns and verbs: the score is that of both together (--composition).
EPIC = {"model": {"drop_path": 0.2}, "eval": {"select_metric": "Action@1"}}
SSV2 = {"model": {"drop_path": 0.3}}
# Longer, in batches of 6 x 6 x 16 clips, of which fewer are mixed.
KINETICS = {"model": {"drop_path": 0.2}, "loss": {"mixup_probability": 0.5}}
EPIC_CLIPS, SSV2_CLIPS, KINETICS_CLIPS = 67_217, 168_913, 240_000  # to train on

CLIP = {"model": {"experts": "clip"}}
VIDEOMAE = {"model": {"experts": "videomae"}}


def training(num_epochs, clips, batch_size=384, every=5):
    """Settings: so many epochs of `clips`, an evaluation every so many of them."""
    settings, more = epochs(num_epochs), rates(batch_size)
    steps = every * (clips // batch_size)
    return {
        "optimizer": settings["optimizer"] | more["optimizer"],
        "train": settings["train"] | more["train"] | {"eval_every": steps},
    }
