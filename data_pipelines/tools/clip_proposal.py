"""Settings for a folder of labelled clips: how many frames are seen, and whether left and right may be exchanged."""

import re

import numpy as np

from data_pipelines.core.problems import refuse
from data_pipelines.core.wording import count, name_some
from data_pipelines.recognition.config import RecognitionDataConfig
from data_pipelines.tools.config_text import Proposal

BASES = {"cast": ("custom",)}
_SETTINGS = ("dataset", "dir", "train_list", "test_list", "split")
_SIDES = re.compile(r"(?<![a-z])(left|right|clockwise|counterclockwise)(?![a-z])", re.IGNORECASE)
_LEAST_FRAMES = 4


def propose(folder, system, arguments):
    """Proposal for a ClipFolder; a UserError names its problems."""
    refuse(folder.data.dir, folder.problems)
    lengths = np.array([clip.num_frames for clip in folder.sources.train])
    sampling, reason = _choose_frames(lengths, arguments.num_frames)
    fields = {name: getattr(folder.data, name) for name in _SETTINGS} | {"sampling": sampling}
    classes = " and ".join(count(head.class_names, _noun_of(head)) for head in folder.sources.heads)
    numbers = f"{count(folder.sources.train, 'clip')} to train on, {len(folder.sources.test)} to evaluate; {classes}"
    reasons = [numbers, *folder.sources.notes, reason]
    sided = [name for head in folder.sources.heads for name in head.class_names if _SIDES.search(name)]
    if sided:
        fields["augmentation"] = {"flip": 0.0}
        told = f"augmentation.flip=0.0, as published for Something-Something: {name_some(sided)}"
        reasons.append(f"{told} would be another class with left and right exchanged")
    if arguments.fps:
        fields["video"] = {"rate": arguments.fps}
    reasons.append(f"model and training settings of configs/{system}_{BASES[system][0]}.py")
    reasons.append(
        "both experts stay as they start: give them what they have learned elsewhere, CLIP's file and one of VideoMAE, "
        "with --init_from FILE --init_from FILE"
    )
    settings = {"train.batch_size": arguments.batch_size} if arguments.batch_size else {}
    base, finish = f"{system}_{BASES[system][0]}", f"{system}_base"
    return Proposal(system, base, finish, "clip_datasets", folder.data.dataset, fields, settings, reasons)


def _noun_of(head):
    return "class" if head.name == "label" else head.name


def _choose_frames(lengths, given):
    """(fields of config.data.sampling, reason)."""
    usual, median = RecognitionDataConfig().sampling.num_frames, float(np.median(lengths))
    spread = f"training clips have {lengths.min()} to {lengths.max()} frames, half of them {median:g} at most"
    if given:
        return {"num_frames": given}, f"{spread}; sampling.num_frames={given}: as given"
    if median >= usual:
        return {"num_frames": usual}, f"{spread}; sampling.num_frames={usual}, as published"
    number = max(_LEAST_FRAMES, 2 * int(median // 2))
    why = f"not {usual}, as published: of a shorter clip the first frame alone would be seen"
    return {"num_frames": number}, f"{spread}; sampling.num_frames={number}, {why}"
