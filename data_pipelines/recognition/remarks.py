"""What is odd about the clips of a dataset, though they can be used."""

import collections
import pathlib

from data_pipelines.core.wording import count, name_some
from data_pipelines.recognition.sampling import least_length


def remarks(data, sources):
    """Lines on what is odd in RecognitionSources of a dataset with these settings, with counts."""
    yield from _copies(sources)
    num_frames, least = data.sampling.num_frames, least_length(data.sampling)
    clips = (*sources.train, *sources.test)
    if short := [clip.clip_id for clip in clips if clip.num_frames < least]:
        told = f"{count(short, 'clip')} of fewer than {least} frames"
        if data.sampling.strategy == "dense":
            half = f"of which at least half of the {num_frames} that are seen are the last one"
            yield f"{told}, {half}: {name_some(short)}"
        else:
            yield f"{told}, which are trained on as a still, their first frame: {name_some(short)}"
    seen = data.augmentation.size
    if small := [clip.clip_id for clip in clips if min(clip.video.size) < seen]:
        pixels = f"fewer than the {seen} x {seen} pixels that the network sees"
        yield f"{count(small, 'clip')} with {pixels}, enlarged: {name_some(small)}"


def unseen(heads, clips):
    """Lines about classes without one of the LabelledClips that are trained on, also where clips were left out."""
    for place, head in enumerate(heads):
        trained = {int(clip.labels[place]) for clip in clips}
        whose = "class" if head.name == "label" else head.name
        if lacking := [name for number, name in enumerate(head.class_names) if number not in trained]:
            yield f"{count(lacking, whose)} that no training clip has: {name_some(lacking)}"


def _copies(sources):
    """Lines about videos that are the same file under several names."""
    names, subsets = collections.defaultdict(dict), collections.defaultdict(set)
    for subset, name, clip in sources.named():
        if checksum := (sources.checksums or {}).get(name):
            names[checksum].setdefault(str(clip.video.path), pathlib.Path(clip.video.path).name)
            subsets[checksum].add(subset)
    for both in (True, False):
        copies = [
            " = ".join(found.values())
            for key, found in names.items()
            if len(found) > 1 and (len(subsets[key]) > 1) == both
        ]
        if copies:
            where = ", some of which are trained on and others evaluated" if both else ""
            yield f"Copies of the same video under several names{where}: {name_some(copies)}"
