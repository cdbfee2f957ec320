"""What a user is told of a representation run before it trains: weights that it lacks, scores that it cannot have.

The warnings are of settings and videos alone; nothing is computed for them.
"""

import numpy as np

from data_pipelines.core.wording import count
from data_pipelines.representation.listing import NO_PHASE

# The sizes of a ResNet-50, which files of others have: config.model.stem_dim, stage_dims, stage_blocks.
_RESNET_50 = (64, (64, 128, 256, 512), (3, 4, 6, 3))


def drawn_backbone(config) -> str:
    """A sentence for a run that begins without other weights, "" where it trains all of its ResNet.

    Nothing is said of drawn videos, whose networks are too small for files of others.
    """
    model = config.model
    if model.train_backbone == "all" or config.data.reader == "synthetic":
        return ""
    stages = sum(blocks > 0 for blocks in tuple(model.stage_blocks)[: model.backbone_stages])
    frozen = f"the stem and the first {count(stages, 'stage')} of the ResNet" if stages else "the stem of the ResNet"
    but = " but for the normalisations" if model.train_backbone == "norms" else ""
    found = f"Training begins without --init_from: {frozen} stay as they are drawn{but}, and have learned nothing."
    if (model.stem_dim, tuple(model.stage_dims), tuple(model.stage_blocks)) != _RESNET_50:
        return f"{found} No ResNet-50 of others is of this size, see config.model."
    return (
        f"{found} Give a ResNet-50 with --init_from FILE: torchvision's resnet50-0676ba61.pth, as the published code "
        "takes, or BYOL's, as the paper says."
    )


def lacking_scores(config, sources) -> list[str]:
    """Lines on scores of config.eval.tasks that have no number, or say nothing, whatever the network learns."""
    lines, scored = [], set()
    for group, (name, phases) in enumerate(zip(sources.groups, sources.phases, strict=True)):
        reasons = _reasons(config, sources, group, len(phases))
        lines += [f"{name}: {reason}, so {task} has no number" for task, reason in reasons.items()]
        scored |= set(config.eval.tasks) - set(reasons)
        if len(phases) == 1 and "classification" in set(config.eval.tasks) - set(reasons):
            lines.append(f"{name}: there is one phase, so every classification is right")
    chosen = config.eval.select_metric
    prefixes = {"classification": "Classification@", "progress": "Progress@", "tau": "Tau", "retrieval": "AP@"}
    prefixes["linear_probe"] = "Linear@"
    if not any(chosen.startswith(prefixes[task]) for task in scored):
        lines.append(
            f"config.eval.select_metric is {chosen!r}, which has no number here: no checkpoint is better than another, "
            "and the last one counts as the best"
        )
    return lines


def _reasons(config, sources, group, num_phases):
    """{task: why it has no number} of a group."""
    options = config.eval
    learned, tested = ([e for e in entries if e.group == group] for entries in (sources.fit, sources.test))
    labelled = [entry for entry in tested if _phases(entry, options.frame_stride).size]
    followed = [entry for entry in tested if _counted(entry, options) > 1]
    found = {}
    if not any(_phases(entry, options.frame_stride).size for entry in learned):
        found |= dict.fromkeys(("classification", "progress", "linear_probe"), "no training video has labels")
    elif not labelled:
        found |= dict.fromkeys(("classification", "progress", "linear_probe"), "no evaluated video has labels")
    elif num_phases < 2:
        found["progress"] = "there is one phase"
    if len(labelled) < 2:
        found["retrieval"] = f"{count(labelled, 'evaluated video')} with labels, and two are needed"
    if len(followed) < 2:
        found["tau"] = f"{count(followed, 'evaluated video')} with two frames that count, and two are needed"
    return {task: found[task] for task in options.tasks if task in found}


def _phases(entry, stride):
    """Phases of the embedded frames of a video that have one, int [n]."""
    if entry.labels is None:
        return np.zeros(0, np.int32)
    labels = entry.labels[::stride]
    return labels[labels != NO_PHASE]


def _counted(entry, options):
    """How many frames of a video tau compares: those with a phase, or all of a video without labels."""
    embedded = len(range(0, len(entry.video), options.frame_stride))
    frames = embedded if entry.labels is None else len(_phases(entry, options.frame_stride))
    return len(range(0, frames, options.stride))
