"""One call from the settings of a dataset of labelled clips to checked clips of opened videos."""

import collections
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Int32

from data_pipelines.core.problems import PROBLEMS_FILE, Problem, Problems, refuse
from data_pipelines.core.settings import dataset_root
from data_pipelines.core.wording import count, name_some
from data_pipelines.recognition import synthetic
from data_pipelines.recognition.config import RecognitionDataConfig
from data_pipelines.recognition.listing import LISTS, NAMES, SUBSETS, VIDEO_DIRS, Head, list_paths, read_listing
from data_pipelines.recognition.remarks import remarks, unseen
from data_pipelines.representation.opening import INDEX_DIR, grouped
from data_pipelines.video.checks import check_videos
from data_pipelines.video.file_checksums import file_checksums
from data_pipelines.video.raw_video import RawVideo
from fact_jax.files import readable_size

_ROUNDING = 1.0  # seconds by which a clip may end after its video
_MANY, _FEW = 10, 3  # missing videos of a list, of more than which the first few stand for all


@dataclasses.dataclass(frozen=True)
class LabelledClip:
    """One clip of an opened video.

    Attributes:
      clip_id: unique in its subset.
      video: frames by number, as a RawVideo gives them.
      labels: int32 [L], a class for every head.
      start, stop: seconds that the list has; None: the whole video.
      first, num_frames: the frames of the video that are those of the clip, which begin from `start` to before `stop`.
    """

    clip_id: str
    video: RawVideo
    labels: Int32[np.ndarray, " L"]
    start: float | None
    stop: float | None
    first: int
    num_frames: int


@dataclasses.dataclass(frozen=True)
class RecognitionSources:
    """The clips of one run.

    Attributes:
      train, test: LabelledClips in the order of the lists.
      heads: what is told apart: one, or noun and verb.
      notes: lines for the user.
      checksums: of the file of every clip's video, by `named`; {} of drawn clips; None where nobody asked for them.
    """

    train: tuple[LabelledClip, ...]
    test: tuple[LabelledClip, ...]
    heads: tuple[Head, ...]
    notes: tuple[str, ...] = ()
    checksums: Mapping[str, str] | None = None

    def named(self) -> Iterator[tuple[str, str, LabelledClip]]:
        """Yields (subset, name, LabelledClip) of all; two clips have two names."""
        taken = collections.Counter(clip.clip_id for subset in SUBSETS for clip in getattr(self, subset))
        for subset in SUBSETS:
            for clip in getattr(self, subset):
                yield subset, clip.clip_id if taken[clip.clip_id] == 1 else f"{subset}/{clip.clip_id}", clip


def _nothing_wrong(heads):
    del heads
    return ()


def open_recognition(
    data: RecognitionDataConfig,
    workdir=None,
    seed=0,
    check_heads: Callable[[tuple[Head, ...]], Sequence[Problem]] = _nothing_wrong,
) -> RecognitionSources:
    """Opens the clips that the settings name, after checking all of them; a UserError names all problems.

    `workdir` is where indices of frames and checksums of files are kept for the next run, and a list of problems too
    long for the message; None = nowhere, and there are no checksums, which read every file. `seed` is that of drawn
    clips. `check_heads` gives the problems of settings with what the lists tell apart; no video is opened then.
    """
    data.check()
    if data.reader == "synthetic":
        refuse(f"Dataset {data.dataset!r}", check_heads(synthetic.heads(data.synthetic)))
        train, test = (_drawn(data.synthetic, subset, seed) for subset in SUBSETS)
        return RecognitionSources(train, test, synthetic.heads(data.synthetic), checksums={})
    root = dataset_root(data, expected_tree(data))
    found = look_through(data, root, None if workdir is None else workdir / INDEX_DIR, check_heads)
    report_file = None if workdir is None else workdir / PROBLEMS_FILE
    refuse(f"Dataset {data.dataset!r}", found.problems, report_file=report_file)
    sources, notes = found.sources, found.sources.notes
    if workdir is not None:
        read = file_checksums({name: clip.video.path for _, name, clip in sources.named()}, workdir / INDEX_DIR)
        sources = dataclasses.replace(sources, checksums=read.checksums)
        if read.num_files:
            told = f"{count(read.num_files, 'file')} of videos, {readable_size(read.num_bytes)}"
            notes += (f"Read for their checksums, which are kept until a file changes: {told}",)
    return dataclasses.replace(sources, notes=(*notes, *remarks(data, sources)))


def _drawn(spec, subset, seed):
    clips = synthetic.synthetic_clips(spec, subset, seed)
    return tuple(LabelledClip(name, clip, clip.labels, None, None, 0, len(clip)) for name, clip in clips.items())


@dataclasses.dataclass(frozen=True)
class LookedThrough:
    """What is in a folder: RecognitionSources of what can be used, and the problems of the rest."""

    sources: RecognitionSources
    problems: list[Problem]


def look_through(data, root, index_dir=None, check_heads=_nothing_wrong) -> LookedThrough:
    """Reads the lists of the folder `root` and goes through its videos; `index_dir` as of `check_videos`.

    `check_heads` is that of `open_recognition`.
    """
    listing = read_listing(data, root)
    problems, notes = list(listing.problems), list(listing.notes)
    if wrong := check_heads(listing.heads) if listing.heads else ():
        missing = () if data.skip_unreadable else _some(listing.missing)
        return LookedThrough(RecognitionSources((), (), listing.heads), [*problems, *missing, *wrong])
    paths = {str(clip.path): clip.path for clips in listing.clips.values() for clip in clips}
    checked = check_videos(paths, data.video, index_dir=index_dir) if paths else None
    videos = checked.videos if checked else {}
    if checked:
        notes += grouped(checked)
    if data.skip_unreadable:
        notes += _left_out(listing.missing, checked.problems if checked else ())
    else:
        problems += [*_some(listing.missing), *(checked.problems if checked else ())]
    clips = {}
    for subset in SUBSETS:
        clips[subset], wrong = _opened(listing.clips[subset], videos)
        problems += wrong
    if not problems:
        unusable = [*listing.missing, *(checked.problems if checked else ())]
        empty = [subset for subset in SUBSETS if not clips[subset]]
        problems += [_none_left(subset, list_paths(data, root)[subset], listing, unusable) for subset in empty]
    notes += unseen(listing.heads, clips["train"])
    return LookedThrough(RecognitionSources(clips["train"], clips["test"], listing.heads, tuple(notes)), problems)


def read_heads(data: RecognitionDataConfig) -> tuple[tuple[Head, ...], str]:
    """(the heads, files that tell the names of their classes); opens no video."""
    data.check()
    if data.reader == "synthetic":
        return synthetic.heads(data.synthetic), ""
    root = dataset_root(data, expected_tree(data))
    listing = read_listing(data, root)
    return listing.heads, ", ".join(NAMES[head.name] for head in listing.heads if (root / NAMES[head.name]).exists())


def expected_tree(data):
    """Describes, in text, the files that `config.data` asks for."""
    lists = {subset: data.lists[subset] or usual for subset, usual in LISTS.items()}
    told = {"train": "clips to train on", "test": "clips to evaluate"}
    rows = [(lists[subset], told[subset]) for subset in SUBSETS]
    if data.layout == "custom":
        columns = "video,label or video,verb,noun, and start,stop (seconds) for parts of videos"
        rows = [
            (f"{VIDEO_DIRS[0]}/NAME.mp4", "videos, or folders of images"),
            *((name, f"{text}: {columns}") for name, text in rows),
            (" ".join(NAMES.values()), "optional: names of the classes in order"),
        ]
    else:
        where = {"epic": "ID.mp4", "ssv2": "NAME.mp4", "kinetics": "train/NAME.mp4 val/NAME.mp4"}[data.layout]
        rows.append((where, "the videos"))
    width = max(len(name) for name, _ in rows)
    tree = "\n".join(f"    {name:<{width}}  {text}" for name, text in rows)
    return f"Expected files of dataset {data.dataset!r}:\n  {data.dir or 'FOLDER'}/\n{tree}"


def frames_between(video: RawVideo, start, stop) -> tuple[int, int]:
    """(number of the first frame, how many) of the frames that begin from `start` to before `stop`, seconds."""
    first, end = np.searchsorted(video.times, [float(start), float(stop)])
    return int(first), int(end - first)


def _opened(listed, videos):
    """(LabelledClips, problems) of the ListedClips of a subset, of those whose videos were opened."""
    found, wrong = [], Problems(listed[0].source if listed else "")
    for clip in listed:
        video = videos.get(str(clip.path))
        if video is None:
            continue
        first, num_frames = 0, len(video)
        if clip.stop is not None:
            first, num_frames = frames_between(video, clip.start, clip.stop)
            if reason := _why_no_part(clip, video, num_frames):
                wrong.add(clip.source, clip.line, *reason)
                continue
        start, stop = (None if time is None else float(time) for time in (clip.start, clip.stop))
        labels = np.array(clip.labels, np.int32)
        found.append(LabelledClip(clip.clip_id, video, labels, start, stop, first, num_frames))
    return tuple(found), wrong.listed()


def _why_no_part(clip, video, num_frames):
    """(found, expected) where a listed clip is no part of its video, else ()."""
    end = float(video.times[-1]) + 1.0 / video.rate
    part = f"a clip from {float(clip.start):g} to {float(clip.stop):g} s"
    if clip.start >= end or clip.stop > end + _ROUNDING:
        if not (video.is_cut_off and num_frames):
            return f"{part}, in a video of {end:.2f} s", "expected seconds inside of the video"
    if not num_frames:
        shown = f"no frame begins then, at {video.rate:.4g} frames a second"
        return f"{part} is shorter than one frame: {shown}", "expected a frame at least"
    return ()


def _none_left(subset, path, listing, unusable):
    """The problem of a list of which every clip was left out; `unusable` are those of missing and unreadable videos."""
    videos = {str(clip.path) for clip in listing.clips[subset]}
    first = next(problem for problem in unusable if problem.path == str(path) or problem.path in videos)
    num_clips = len(videos) + sum(problem.path == str(path) for problem in listing.missing)
    what = "train on" if subset == "train" else "evaluate"
    reason = first.text if first.path == str(path) else f"{first.path}: {first.text}"
    return Problem(str(path), first.line, f"no clip to {what}, none of {num_clips} can be used; the first: {reason}")


def _some(missing):
    """The problems of missing videos; of a list with many of them the first few, and how many more there are."""
    by_list = collections.defaultdict(list)
    for problem in missing:
        by_list[problem.path].append(problem)
    for path, problems in by_list.items():
        if len(problems) <= _MANY:
            yield from problems
            continue
        yield from problems[:_FEW]
        yield Problem(path, 0, f"{len(problems) - _FEW} more clips whose file is missing")


def _left_out(missing, unreadable):
    """Lines about clips that are not used."""
    if missing:
        names = name_some([problem.found.removesuffix(": file is missing") for problem in missing])
        yield f"Left out, {count(missing, 'clip')} whose file is missing: {names}"
    alike = collections.defaultdict(list)
    for problem in unreadable:
        alike[problem.text].append(problem.path)
    for text, paths in alike.items():
        yield f"Left out, {count(paths, 'video')}: {name_some(paths)}: {text}"
