"""The lists of the published datasets: Pouring, PennAction and FineGym (pickles), Kinetics-400 (CSV).

Source: CARL's published datasets/*.py (minghchen/CARL_code at c574312).
"""

import dataclasses
import pathlib

import numpy as np

from data_pipelines.core.json_files import read_json
from data_pipelines.core.names import why_no_video
from data_pipelines.core.problems import Problem, Problems
from data_pipelines.core.text_files import quote, read_lines
from data_pipelines.core.wording import count
from data_pipelines.representation.listing import NO_PHASE, SUBSETS, ListedVideo, Listing, numbered_phases
from data_pipelines.representation.pickled_index import read_pickle
from fact_jax.types import check_choice, nearest

# Actions of PennAction in the order of the published index, with the number of their phases.
PENN_ACTIONS = {
    "baseball_pitch": 4, "baseball_swing": 3, "bench_press": 2, "bowl": 3, "clean_and_jerk": 6, "golf_swing": 3,
    "jumping_jacks": 4, "pushup": 2, "pullup": 2, "situp": 2, "squat": 4, "tennis_forehand": 3, "tennis_serve": 4,
}  # fmt: skip
_POURING_PHASES = 5
_KEYS = ("name", "video_file", "seq_len", "frame_label")
_LISTS = {
    "pouring": ("train.pkl", "val.pkl"),
    "penn_action": ("train.pkl", "val.pkl"),
    "finegym": ("gym{classes}_train_v1.0.pkl", "gym{classes}_val.pkl"),
    "kinetics": ("train.csv", "val.csv"),
}


def list_names(data):
    """{subset: name of its list below the dataset's folder}."""
    names = [name.format(classes=data.num_classes) for name in _LISTS[data.layout]]
    return {subset: data.lists[subset] or usual for subset, usual in zip(SUBSETS, names, strict=True)}


def read_published(data, root, subsets=SUBSETS) -> Listing:
    """The Listing of a published dataset in the folder `root`, of some subsets."""
    groups, phases = (data.dataset,), ((),)
    for name in data.groups:
        check_choice("config.data.groups", name, list(PENN_ACTIONS))
    if data.layout == "penn_action":
        groups, phases = tuple(PENN_ACTIONS), tuple(numbered_phases(number) for number in PENN_ACTIONS.values())
    elif data.layout != "kinetics":
        phases = (numbered_phases(data.num_classes if data.layout == "finegym" else _POURING_PHASES),)
    videos, problems = {}, []
    for subset in subsets:
        name = list_names(data)[subset]
        names = [name, *([data.additional_list] if data.additional_list and subset == "train" else [])]
        found = []
        for path in (root / name for name in names):
            read = _read_csv if data.layout == "kinetics" else _read_index
            listed, wrong = read(path, root, [len(names_of) for names_of in phases])
            found += listed
            problems += wrong or _repeated(path, found)
        videos[subset] = tuple(found)
    return _chosen(Listing(videos, groups, phases, problems), data.groups if len(groups) > 1 else ())


def _chosen(listing, groups):
    """The Listing of some groups, numbered anew; () = all."""
    places = [place for place, name in enumerate(listing.groups) if name in groups or not groups]
    number = {place: new for new, place in enumerate(places)}
    videos = {
        subset: tuple(dataclasses.replace(v, group=number[v.group]) for v in found if v.group in number)
        for subset, found in listing.videos.items()
    }
    names, phases = (tuple(part[place] for place in places) for part in (listing.groups, listing.phases))
    return Listing(videos, names, phases, listing.problems, listing.notes)


def _repeated(path, videos):
    """A problem for every name that two videos have."""
    seen, problems = set(), Problems(path)
    for video in videos:
        if video.video_id in seen:
            problems.add(str(path), 0, f"two videos are called {quote(video.video_id)}", "expected a name for each")
        seen.add(video.video_id)
    return problems.listed()


def _read_index(path, root, num_phases):
    """([ListedVideo], problems) of a list, pickled or JSON; of several groups a pair with the places of each group."""
    value, problems = read_json(path, "a list of videos") if path.suffix == ".json" else read_pickle(path)
    if problems:
        return [], problems
    groups = None
    if len(num_phases) > 1:
        if not isinstance(value, list | tuple) or len(value) != 2:
            return [], [Problem(str(path), 0, "no pair", "expected (list of videos, places of every action's videos)")]
        value, places = value
        groups, problems = _groups(path, places, len(value) if isinstance(value, list | tuple) else 0, len(num_phases))
    if not isinstance(value, list | tuple) or not value or problems:
        found = "an empty list" if isinstance(value, list | tuple) else f"a {type(value).__name__}"
        return [], problems or [Problem(str(path), 0, found, "expected a list of videos")]
    found, wrong = [], Problems(path)
    for number, entry in enumerate(value):
        group = 0 if groups is None else groups[number]
        video, reason = _read_entry(entry, root, num_phases[group], group, path)
        if reason:
            name = entry.get("name", "") if isinstance(entry, dict) else ""
            wrong.add(str(path), 0, f"video {number}{f' ({quote(str(name))})' if name else ''}: {reason}")
        else:
            found.append(video)
    return found, wrong.listed()


def _groups(path, places, num_videos, num_groups):
    """(int [num_videos], the group of every video; problems)."""
    parts = list(places.values()) if isinstance(places, dict) else places
    expected = f"expected {num_groups} lists of places in 0 to {num_videos - 1}, every place once"
    if not isinstance(parts, list | tuple) or len(parts) != num_groups:
        return None, [Problem(str(path), 0, "places of the actions in another form", expected)]
    groups = np.full(num_videos, -1)
    for group, part in enumerate(parts):
        part = np.asarray(part)
        if part.size and (part.dtype.kind not in "iu" or not 0 <= part.min() <= part.max() < num_videos):
            return None, [Problem(str(path), 0, f"places of {list(PENN_ACTIONS)[group]} that are no videos", expected)]
        groups[part.astype(np.int64)] = group
    if (groups < 0).any():
        return None, [Problem(str(path), 0, f"{count(int((groups < 0).sum()), 'video')} of no action", expected)]
    return groups, []


def _read_entry(entry, root, num_phases, group, path):
    """(ListedVideo, "") of one dictionary, or (None, what is wrong with it)."""
    if not isinstance(entry, dict):
        return None, f"a {type(entry).__name__}, expected a dict with {', '.join(_KEYS)}"
    if missing := [key for key in _KEYS if key not in entry]:
        near = nearest(missing[0], [str(key) for key in entry])
        return None, f"it lacks {', '.join(missing)}{f'; it has {near!r}' if near else ''}"
    name, file, length, labels = (entry[key] for key in _KEYS)
    for text in (name := str(name), file):
        if not isinstance(text, str) or (reason := why_no_video(text)):
            return None, f"{reason if isinstance(text, str) else 'no text'} in {quote(str(text))}"
    if not isinstance(length, int) or length < 1:
        return None, f"seq_len is {length!r:.40}, expected a number of frames"
    try:
        labels = np.asarray(labels, np.float64).reshape(-1)
    except (TypeError, ValueError):
        return None, "frame_label is no list of numbers"
    if len(labels) != length:
        return None, f"{count(len(labels), 'label')} for seq_len {length}"
    if num_phases and not (np.isfinite(labels).all() and (labels == np.rint(labels)).all()):
        return None, "labels that are no whole numbers"
    if num_phases and (labels.min() < NO_PHASE or labels.max() >= num_phases):
        worst = int(labels.max() if labels.max() >= num_phases else labels.min())
        return None, f"label {worst}, expected -1 (none) to {num_phases - 1}"
    labels = labels.astype(np.int32)
    return ListedVideo(name, root / file, labels, None, length, group, str(path)), ""


def _read_csv(path, root, num_phases):
    """([ListedVideo] without labels, problems) of rows: path of a video, class."""
    del num_phases
    lines, problems = read_lines(path)
    found, wrong = [], Problems(path)
    for number, line in enumerate(lines, 1):
        file = (line.rsplit(",", 1) if "," in line else line.rsplit(None, 1) or [""])[0].strip().removeprefix("./")
        if not line:
            continue
        if reason := why_no_video(file):
            wrong.add(str(path), number, f"{reason}: {quote(line)}", "expected the path of a video and a class")
        else:
            found.append(ListedVideo(pathlib.PurePosixPath(file).stem, root / file, source=str(path)))
    if not (problems or found or wrong.listed()):
        wrong.add(str(path), 0, "no video", "expected rows of a path and a class")
    return found, [*problems, *wrong.listed()]
