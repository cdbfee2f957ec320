"""One call from the settings of a dataset of raw videos to checked, opened videos."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Int

from data_pipelines.core.problems import PROBLEMS_FILE, Problem, refuse
from data_pipelines.core.settings import dataset_root
from data_pipelines.core.wording import count, name_some
from data_pipelines.representation.config import RepresentationDataConfig
from data_pipelines.representation.folder import LABEL_DIR, LISTS, PHASES, VIDEO_DIR, read_folder
from data_pipelines.representation.listing import SUBSETS, Listing, labels_of, numbered_phases, reaches_past_cut
from data_pipelines.representation.published import list_names, read_published
from data_pipelines.representation.remarks import remarks
from data_pipelines.representation.synthetic import synthetic_videos
from data_pipelines.video.checks import CheckedVideos, check_videos
from data_pipelines.video.file_checksums import file_checksums
from data_pipelines.video.raw_video import RawVideo
from fact_jax.files import readable_size

INDEX_DIR = "video_index"  # below the workdir; also of checksums


@dataclasses.dataclass(frozen=True)
class PhasedVideo:
    """One opened video.

    Attributes:
      video: frames by number, as a RawVideo gives them.
      labels: int32 [N], a phase per frame, -1 where there is none; None without labels.
      group: number of the dataset, such as an action, that it is scored with.
    """

    video_id: str
    video: RawVideo
    labels: Int[np.ndarray, " N"] | None
    group: int = 0


@dataclasses.dataclass(frozen=True)
class RepresentationSources:
    """The videos of one run.

    Attributes:
      train, test: PhasedVideos in the order of the lists.
      fit: training videos of the evaluated dataset, to which an evaluation fits its linear models; usually `train`.
      groups: names of the datasets that are scored apart.
      phases: names of the phases of every group.
      notes: lines for the user.
      checksums: of the files of every video, by its name; {} of drawn videos; None where nobody asked for them.
    """

    train: tuple[PhasedVideo, ...]
    test: tuple[PhasedVideo, ...]
    fit: tuple[PhasedVideo, ...]
    groups: tuple[str, ...]
    phases: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    checksums: Mapping[str, str] | None = None

    def named(self) -> Iterator[tuple[str, str, PhasedVideo]]:
        """Yields (subset, name, PhasedVideo) of all; two videos have two names, though their datasets be others."""
        paths = {}
        for subset in ("train", "test", "fit"):
            for entry in getattr(self, subset):
                own = str(entry.video.path)
                taken = paths.setdefault(entry.video_id, own) != own
                yield subset, f"{subset}/{entry.video_id}" if taken else entry.video_id, entry


def open_representation(data: RepresentationDataConfig, workdir=None, seed=0) -> RepresentationSources:
    """Opens the videos that the settings name, after checking all of them; a UserError names all problems.

    `workdir` is where indices of frames and checksums of files are kept for the next run, and a list of problems too
    long for the message; None = nowhere, and there are no checksums, which read every file. `seed` is that of the
    synthetic videos.
    """
    data.check()
    if data.reader == "synthetic":
        parts = {
            subset: tuple(
                PhasedVideo(name, video, video.labels)
                for name, video in synthetic_videos(data.synthetic, subset, seed).items()
            )
            for subset in SUBSETS
        }
        phases = (numbered_phases(data.synthetic.num_phases),)
        drawn = parts["train"], parts["test"], parts["train"]
        return RepresentationSources(*drawn, (data.dataset,), phases, checksums={})
    root = dataset_root(data, expected_tree(data))
    found = look_through(data, root, None if workdir is None else workdir / INDEX_DIR)
    report_file = None if workdir is None else workdir / PROBLEMS_FILE
    refuse(f"Dataset {data.dataset!r}", found.problems, report_file=report_file)
    sources, notes = found.sources, found.sources.notes
    if data.reader == "tfds":
        sources, note = _copied(data, root, found)
        notes += (note,)
    if workdir is not None:
        found = file_checksums({name: entry.video.path for _, name, entry in sources.named()}, workdir / INDEX_DIR)
        sources = dataclasses.replace(sources, checksums=found.checksums)
        if found.num_files:
            read = f"{count(found.num_files, 'file')} of videos, {readable_size(found.num_bytes)}"
            notes += (f"Read for their checksums, which are kept until a file changes: {read}",)
    return dataclasses.replace(sources, notes=(*notes, *remarks(data, sources)))


@dataclasses.dataclass(frozen=True)
class LookedThrough:
    """What is in a folder: RepresentationSources of what can be used, and the problems of the rest.

    Attributes:
      paths: by their text, those of all listed videos.
      checked: CheckedVideos of them.
      copy: the prepared copy that `checked` is from, or None.
    """

    sources: RepresentationSources
    problems: list[Problem]
    paths: dict[str, pathlib.Path]
    checked: CheckedVideos
    copy: Any = None


def look_through(data, root, index_dir=None) -> LookedThrough:
    """Reads lists and labels of the folder `root`, and goes through its videos; `index_dir` as of `check_videos`."""
    listing = _list(data, root)
    listed = dict(listing.videos)
    listed["train"] = listed["train"][: max(1, int(data.train_fraction * len(listed["train"])))]
    paths = {str(video.path): video.path for videos in listed.values() for video in videos}
    checked, copy = _check(data, root, paths, index_dir)
    problems, notes = list(listing.problems), [*listing.notes, *grouped(checked)]
    if data.skip_unreadable:
        notes += [f"Left out: {problem}" for problem in checked.problems]
    else:
        problems += checked.problems
    opened, wrong = _with_labels(listed, checked.videos)
    problems += wrong
    notes += _cut_labels(listed, checked.videos)
    for subset in SUBSETS:
        if not opened[subset] and not problems:
            problems.append(Problem(str(root), 0, f"no video to {'train on' if subset == 'train' else 'evaluate'}"))
    parts = opened["train"], opened["test"], opened.get("fit", opened["train"])
    sources = RepresentationSources(*parts, listing.groups, listing.phases, tuple(notes))
    return LookedThrough(sources, problems, paths, checked, copy)


def read_phases(data: RepresentationDataConfig) -> tuple[tuple[tuple[str, ...], ...], str]:
    """(names of the phases of every group, file that tells them); opens no video."""
    data.check()
    if data.reader == "synthetic":
        return (numbered_phases(data.synthetic.num_phases),), ""
    return _list(data, dataset_root(data, expected_tree(data))).phases, PHASES if data.layout == "folder" else ""


def _check(data, root, paths, index_dir):
    """(CheckedVideos, the prepared copy that gave them or None): files in a current copy are not gone through again."""
    if data.reader == "tfds":
        # TFDS takes a second to import.
        from data_pipelines.representation.frame_copy import FrameCopy

        copy = FrameCopy(data, root)
        if copy.covers(paths):
            return copy.checked(paths), copy
    return check_videos(paths, data.video, index_dir=index_dir), None


def _copied(data, root, found):
    """(the RepresentationSources, whose frames are those of the prepared copy, a line on it); it is made if need be."""
    copy = found.copy
    if copy is None:
        from data_pipelines.representation import frame_copy

        copy = frame_copy.write_copy(data, root, found.paths, found.checked)
    videos = copy.checked(found.paths).videos
    parts = {
        subset: tuple(
            dataclasses.replace(entry, video=videos[str(entry.video.path)]) for entry in getattr(found.sources, subset)
        )
        for subset in ("train", "test", "fit")
    }
    return dataclasses.replace(found.sources, **parts), copy.note()


def expected_tree(data):
    """Describes, in text, the files that `config.data` asks for."""
    if data.layout == "folder":
        rows = [
            (f"{VIDEO_DIR}/NAME.mp4", "videos, or folders of images"),
            (f"{LABEL_DIR}/NAME.txt", "optional: a phase per frame, or rows of start, end (seconds) and phase"),
            (PHASES, "optional: names of the phases in order"),
            (" ".join(LISTS.values()), "optional: names of the videos of each"),
        ]
    else:
        rows = [(name, f"list of the videos to {subset}") for subset, name in list_names(data).items()]
        rows.append(("...", "the videos, where the lists say"))
    width = max(len(name) for name, _ in rows)
    tree = "\n".join(f"    {name:<{width}}  {text}" for name, text in rows)
    return f"Expected files of dataset {data.dataset!r}:\n  {data.dir or 'FOLDER'}/\n{tree}"


def _list(data, root):
    """The Listing; its subset "fit" is there where the evaluated dataset is another one."""
    if not data.evaluation_layout:
        return (read_folder if data.layout == "folder" else read_published)(data, root)
    own = read_folder(data, root) if data.layout == "folder" else read_published(data, root, SUBSETS[:1])
    other = dataclasses.replace(data, layout=data.evaluation_layout, train_list="", test_list="", additional_list="")
    other = (read_folder if other.layout == "folder" else read_published)(other, root)
    videos = {"train": own.videos["train"], "fit": other.videos["train"], "test": other.videos["test"]}
    notes = own.notes + other.notes
    return Listing(videos, other.groups, other.phases, own.problems + other.problems, notes)


def grouped(checked):
    """What is odd about videos, each remark once with the videos that it is about."""
    videos, others = {}, []
    for note in checked.notes:
        path = next((video.path for video in checked.videos.values() if note.startswith(f"{video.path}: ")), None)
        if path is None:
            others.append(note)
        else:
            videos.setdefault(note.removeprefix(f"{path}: "), []).append(path)
    for remark, paths in videos.items():
        whose = paths[0] if len(paths) == 1 else f"{count(paths, 'video')} such as {paths[0]}"
        others.append(f"{whose}: {remark}")
    return others


def _with_labels(listed, videos):
    """({subset: PhasedVideos of those that were opened}, problems)."""
    opened, known, problems = {}, {}, []
    for subset, entries in listed.items():
        found = []
        for entry in entries:
            path = str(entry.path)
            if path not in videos:
                continue
            if (path, entry.source) not in known:
                known[path, entry.source], wrong = labels_of(entry, videos[path])
                problems += wrong
            found.append(PhasedVideo(entry.video_id, videos[path], known[path, entry.source], entry.group))
        opened[subset] = tuple(found)
    return opened, problems


def _cut_labels(listed, videos):
    entries = {str(entry.path): entry for found in listed.values() for entry in found if str(entry.path) in videos}
    cut = [entry.video_id for path, entry in entries.items() if reaches_past_cut(entry, videos[path])]
    if cut:
        yield f"{count(cut, 'video')} cut off, whose labels behind the last good frame are left out: {name_some(cut)}"
