"""Your own folder: videos, and labels if there are any.

videos/NAME.mp4          files or folders of images, of any kind that is read
labels/NAME.txt          a phase in every line, one per frame; or rows of start, end and phase, in seconds
phases.txt               names of the phases in order; without it the order in which they come in the videos
train.txt, test.txt      names of videos; without them some videos are kept for the evaluation
"""

import pathlib

import numpy as np

from data_pipelines.core.problems import Problem, Problems
from data_pipelines.core.text_files import is_id, quote, read_lines
from data_pipelines.core.wording import count, name_some
from data_pipelines.representation.label_files import name_of, read_labels, stem_of
from data_pipelines.representation.listing import NO_PHASE, LabelSegment, ListedVideo, Listing
from fact_jax.files import why_no_folder
from fact_jax.types import nearest

# Endings of files beside videos that are none.
TEXT_SUFFIXES = (".txt", ".md", ".csv", ".tsv", ".json", ".xml", ".html", ".srt", ".vtt", ".pdf", ".log")
VIDEO_DIR, LABEL_DIR, PHASES = "videos", "labels", "phases.txt"
COPY_DIR = "tfds"  # where copies lie that nobody has named a folder for
LISTS = {"train": "train.txt", "test": "test.txt"}


def read_folder(data, root) -> Listing:
    """The Listing of your own folder `root`."""
    paths, remarks, problems, shared = _find_videos(root)
    raw, wrong = read_labels(root / LABEL_DIR, paths, data.unlabelled)
    # Of two videos of one name nobody knows whose labels these are.
    raw = {name: labels for name, labels in raw.items() if name not in shared}
    problems += wrong
    phases, notes, wrong = _phases(root / PHASES, raw, data.unlabelled)
    notes = [*remarks, *notes]
    videos, more = _number(paths, raw, phases, data.unlabelled)
    chosen, lines, unlisted = _choose(data, root, videos)
    notes += lines
    labelled = sum(video.is_labelled for video in videos.values())
    if labelled < len(videos):
        notes.append(f"{count(len(videos) - labelled, 'video')} of {len(videos)} without labels")
    return Listing(chosen, (data.dataset,), (phases,), problems + wrong + more + unlisted, tuple(notes))


def _find_videos(root):
    """({name: path} in order, notes, problems, names that several files have).

    A name is that of a file without its ending, or of a folder of images. Every further file of one name is a problem;
    its ending is part of its name here, so that it is checked as well.
    """
    folder = root / VIDEO_DIR if (root / VIDEO_DIR).exists() else root
    if reason := why_no_folder(folder):
        return {}, [], [Problem(str(folder), 0, f"it {reason}", "expected a folder with the videos")], ()
    others = {LABEL_DIR, COPY_DIR, PHASES, *LISTS.values()} if folder == root else ()
    listed = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".") and path.name not in others]
    texts = [path.name for path in listed if path.suffix.lower() in TEXT_SUFFIXES]
    notes = [f"No videos, left out of {folder}: {name_some(texts)}"] if texts else []
    found, problems, shared = {}, [], set()
    for path in (path for path in listed if path.name not in texts):
        name = stem_of(path)
        if name in found:
            shared.add(name)
            told = f"a second video called {quote(name)}, beside {found[name].name}"
            problems.append(Problem(str(path), 0, told, "rename one of them, or move it out of the folder"))
        found[path.name if name in found else name] = path
    if not found:
        where = f" in {folder / VIDEO_DIR}" if folder == root else ""
        problems.append(Problem(str(folder), 0, "no video", f"expected files of videos or folders of images{where}"))
    return found, notes, problems, shared


def _phases(path, raw, unlabelled):
    """(names of the phases in order, notes, problems): those of the list, or as they come in the videos."""
    used = {}
    for _, rows in raw.values():
        for place, row in enumerate(rows):
            if name_of(row) != unlabelled:
                # Where it first comes in a video, as a share of it.
                used.setdefault(name_of(row), {}).setdefault(id(rows), place / len(rows))
    if not path.exists():
        names = sorted(used, key=lambda name: (np.mean(list(used[name].values())), name))
        if all(map(is_id, names)):
            names.sort(key=int)
        notes = [f"Phases in this order: {name_some(names, 20)}"] if names else []
        return tuple(names), notes, []
    lines, problems = read_lines(path)
    names = [line for line in lines if line]
    for number, line in enumerate(lines, 1):
        if line and lines.index(line) < number - 1:
            problems.append(
                Problem(str(path), number, f"{quote(line)} for the second time", "expected each phase once")
            )
    notes = [f"No video has the phase {quote(name)}" for name in names if raw and name not in used]
    return tuple(dict.fromkeys(names)), notes, problems


def _number(paths, raw, phases, unlabelled):
    """({video: ListedVideo}, problems): phases as numbers."""
    numbers = {name: number for number, name in enumerate(phases)} | {unlabelled: NO_PHASE}
    videos, problems = {}, []
    for name, path in paths.items():
        if name not in raw:
            videos[name] = ListedVideo(name, path)
            continue
        source, rows = raw[name]
        unknown = {}
        for row in rows:
            if name_of(row) not in numbers:
                unknown.setdefault(name_of(row), []).append(row[0] if isinstance(row, tuple) else row.line)
        wrong = Problems(source)
        for phase, lines in unknown.items():
            near = nearest(phase, phases)
            hint = f"did you mean {near!r}?" if near else f"expected one of {PHASES}: {name_some(phases, 10)}"
            times = f" in {len(lines)} lines" if len(lines) > 1 else ""
            wrong.add(str(source), lines[0], f"unknown phase {quote(phase)}{times}", hint)
        problems += wrong.listed()
        found = [numbers.get(name_of(row), NO_PHASE) for row in rows]
        if rows and not isinstance(rows[0], tuple):
            parts = zip(rows, found, strict=True)
            segments = tuple(LabelSegment(row.start, row.end, number, row.line) for row, number in parts)
            videos[name] = ListedVideo(name, path, segments=segments, source=str(source))
        else:
            videos[name] = ListedVideo(name, path, np.array(found, np.int32), source=str(source))
    return videos, problems


def _choose(data, root, videos):
    """({subset: ListedVideos}, notes, problems)."""
    given = data.lists
    lists = {subset: root / (given[subset] or usual) for subset, usual in LISTS.items()}
    if any(given.values()) or any(path.exists() for path in lists.values()):
        return _by_lists(lists, videos)
    names = list(videos)
    num_test = round(data.test_share * len(names)) if len(names) > 2 else 0
    if num_test < 2:
        # Scores compare videos with one another.
        num_test = 2 if len(names) > 4 and data.test_share else 0
    if not num_test:
        everything = tuple(videos.values())
        lists = " and ".join(LISTS.values())
        whole = f"All {count(everything, 'video')} are" if len(everything) > 1 else "The one video is"
        note = f"{whole} trained on and evaluated; {lists} would say otherwise"
        return {"train": everything, "test": everything}, [note] if everything else [], []
    # Evenly over the names, so that a folder sorted by performer or day is not cut in two.
    places = {int((number + 0.5) * len(names) / num_test) for number in range(num_test)}
    parts = {
        "train": tuple(videos[name] for place, name in enumerate(names) if place not in places),
        "test": tuple(videos[name] for place, name in enumerate(names) if place in places),
    }
    tested = [video.video_id for video in parts["test"]]
    note = f"{count(tested, 'video')} of {len(names)} are evaluated and not trained on: {name_some(tested, 5)}"
    return parts, [note], []


def _by_lists(lists, videos):
    chosen, problems, used = {}, [], set()
    for subset, path in lists.items():
        lines, wrong = read_lines(path)
        found = Problems(path)
        names = []
        for number, line in enumerate(lines, 1):
            name = line if line in videos else pathlib.PurePath(line).stem
            if not line:
                continue
            if name not in videos:
                near = nearest(name, videos)
                hint = f"did you mean {near!r}?" if near else "expected the name of a video"
                found.add(str(path), number, f"unknown video {quote(line)}", hint)
            elif name in names:
                found.add(str(path), number, f"{quote(line)} for the second time", "expected every video once")
            else:
                names.append(name)
        if not (wrong or names or found.listed()):
            found.add(str(path), 0, "no video", "expected names of videos, one per line")
        problems += wrong + found.listed()
        chosen[subset] = tuple(videos[name] for name in names)
        used |= set(names)
    left = [name for name in videos if name not in used]
    both = {v.video_id for v in chosen["train"]} & {v.video_id for v in chosen["test"]}
    notes = [f"{count(left, 'video')} in no list: {name_some(left)}"] if left else []
    if both:
        notes.append(f"Trained on and evaluated as well, {count(both, 'video')}: {name_some(sorted(both))}")
    return chosen, notes, problems
