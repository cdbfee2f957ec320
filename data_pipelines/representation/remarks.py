"""What is odd about the opened videos of a dataset, though they can be used."""

from data_pipelines.core.wording import count, name_some
from data_pipelines.representation.listing import NO_PHASE


def remarks(data, sources):
    """Lines on what is odd in RepresentationSources of a dataset with these settings, with counts."""
    clip = data.clip.num_frames
    if short := [entry.video_id for entry in sources.train if len(entry.video) < clip]:
        yield f"{count(short, 'video')} shorter than a clip of {clip} frames, which is padded: {name_some(short)}"
    known = {entry.video_id: entry for entry in (*sources.train, *sources.test, *sources.fit)}
    seen = data.augmentation.size
    small = [name for name, entry in known.items() if min(entry.video.size) < seen]
    if small:
        pixels = f"fewer than the {seen} x {seen} pixels that the network sees"
        yield f"{count(small, 'video')} with {pixels}, enlarged: {name_some(small)}"
    empty = [v for v, entry in known.items() if entry.labels is not None and (entry.labels == NO_PHASE).all()]
    if empty:
        yield f"{count(empty, 'video')} whose labels give no frame a phase, scored by nothing: {name_some(empty)}"
    for group, (name, phases) in enumerate(zip(sources.groups, sources.phases, strict=True)):
        has = {}
        for subset in ("fit", "test"):
            entries = [v for v in getattr(sources, subset) if v.group == group and v.labels is not None]
            has[subset] = {v.video_id: set(v.labels.tolist()) - {NO_PHASE} for v in entries}
        lacking = [video for found in has.values() for video, own in found.items() if set(range(len(phases) - 1)) - own]
        if lacking and len(phases) > 1:
            yield f"{name}: {count(lacking, 'video')} that lack a phase count for no progress: {name_some(lacking)}"
        unseen = set().union(*has["test"].values()) - set().union(*has["fit"].values())
        if unseen and has["fit"]:
            told = name_some([phases[number] for number in sorted(unseen)])
            yield f"{name}: {count(unseen, 'phase')} of evaluated videos that no training video has: {told}"
