"""Settings for a folder of raw videos: how long its clips are, and how large its frames."""

import numpy as np

from data_pipelines.core.problems import refuse
from data_pipelines.core.wording import count
from data_pipelines.tools.config_text import Proposal

BASES = {"carl": ("custom",)}
# Clips of the published configs; longer videos than so many clips get local ones, as published for FineGym.
_CLIPS, _MOST_CLIPS = (20, 40, 80, 240), 3
# What published networks see, and the steps of their grid.
_SIZE, _SIZE_STEP, _LEAST_SIZE = 224, 32, 64
_SETTINGS = ("dataset", "dir", "train_list", "test_list", "split")


def propose(folder, system, arguments):
    """Proposal for a VideoFolder; a UserError names its problems."""
    refuse(folder.data.dir, folder.problems)
    lengths = np.array([len(video.video) for video in folder.sources.train])
    clip, reasons = _choose_clip(lengths, arguments.num_frames)
    size, more = _choose_size([min(video.video.size) for video in folder.videos.values()])
    fields = {name: getattr(folder.data, name) for name in _SETTINGS}
    fields |= {"clip": clip, "augmentation": {"size": size, "evaluation_crop": "whole"}}
    if arguments.fps:
        fields["video"] = {"rate": arguments.fps}
    phases = folder.sources.phases[0]
    labels = f"{count(phases, 'phase')}" if phases else "no labels: Kendall's tau is all that is scored"
    numbers = f"{count(folder.sources.train, 'video')} to train on, {len(folder.sources.test)} to evaluate"
    reasons = [f"{numbers}; {labels}", *folder.sources.notes, *reasons, more]
    reasons.append(f"model and training settings of configs/{system}_custom.py, which are those of PennAction")
    reasons.append(
        "most of the network, a ResNet-50, stays as it starts: give it what it has learned elsewhere, a file of "
        "torchvision, BYOL, SimCLR or MoCo, with --init_from FILE"
    )
    settings = {"train.batch_size": arguments.batch_size} if arguments.batch_size else {}
    base, finish = f"{system}_{BASES[system][0]}", f"{system}_base"
    return Proposal(system, base, finish, "video_datasets", folder.data.dataset, fields, settings, reasons)


def _choose_clip(lengths, given):
    """(fields of config.data.clip, reasons)."""
    median = float(np.median(lengths))
    number = given or next((clip for clip in _CLIPS if clip >= median), _CLIPS[-1])
    why = "as given" if given else f"of {', '.join(map(str, _CLIPS))}, which are published, the one nearest above that"
    spread = f"training videos have {lengths.min()} to {lengths.max()} frames, half of them {median:g} at most"
    reasons = [f"{spread}; clip.num_frames={number}: {why}"]
    clip = {"num_frames": number}
    if median > _MOST_CLIPS * number:
        clip["local_block"] = True
        reasons.append(
            "clip.local_block=True, as published for FineGym: clips are parts of these videos, in whose whole length "
            "frames would lie too far apart to have neighbours in another view"
        )
    return clip, reasons


def _choose_size(sides):
    """(augmentation.size, reason) for the shorter sides of the videos, in pixels."""
    median = float(np.median(sides))
    if median > _SIZE - _SIZE_STEP:
        return _SIZE, f"augmentation.size={_SIZE} pixels, as published"
    size = max(_LEAST_SIZE, int(-(-median // _SIZE_STEP)) * _SIZE_STEP)
    return size, f"augmentation.size={size} pixels: half of the videos have {median:g} or less on their shorter side"
