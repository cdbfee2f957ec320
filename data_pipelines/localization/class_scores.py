"""Scores that another system gave to the classes of whole videos, which name the detections of a class-agnostic one."""

import dataclasses
import pathlib
import zipfile
import zlib

import numpy as np

from data_pipelines.core.json_files import read_json
from data_pipelines.core.names import why_no_class
from data_pipelines.core.problems import Problem, Problems, refuse
from data_pipelines.core.text_files import quote
from data_pipelines.core.wording import count, name_some, verb
from data_pipelines.localization.video_tables import missing_videos
from fact_jax.files import MAX_TEXT_BYTES, doubled_member, open_data
from fact_jax.ops.class_scores import EXPECTED, MAX_CLASSES, read_scores, why_other_number
from fact_jax.types import UserError, nearest

# Of the array of a video in a .npz file.
_MAX_BYTES = 16 * MAX_CLASSES + 1024
_CONVERT = (
    "Pickles are not read, as they run code. Where you trust the file, load it in Python once and write its scores "
    "with json.dump({{video: [float(s) for s in values] for video, values in scores.items()}}, "
    "open('{stem}.json', 'w')); then give {stem}.json."
)


@dataclasses.dataclass(frozen=True)
class VideoClassScores:
    """What a classifier of whole videos said.

    Attributes:
      by_video: float32 [C] by video, 0 or more.
      names: of the classes, or None.
      stored: names of all videos of the file.
    """

    by_video: dict
    names: tuple | None
    stored: tuple = ()

    @property
    def num_classes(self):
        return max(map(len, self.by_video.values()), default=0)


def read_class_scores(path, video_ids, asked_by="config.data.external_scores"):
    """Reads a file of scores: VideoClassScores of `video_ids`.

    Args:
      path: .json, {VIDEO: [score of class 0, 1, ...]}, which may lie under a key "results" beside one "class" with the
        names of the classes; or .npz with an array for every video, of its name.
      asked_by: the setting or flag that names the file, for messages.

    Raises:
      UserError: the file cannot be read, is a pickle, lacks a video, or holds something else than C numbers for each.
    """
    path = pathlib.Path(path)
    readers = {".json": _read_json, ".npz": _read_npz}
    if path.suffix in (".pkl", ".pickle"):
        raise UserError(f"{path}: scores in a pickle. " + _CONVERT.format(stem=path.stem))
    if path.suffix not in readers:
        raise UserError(f"{path}: expected scores in a .json or .npz file ({asked_by}).")
    if not path.is_file():
        raise UserError(
            f"{path} is missing: scores of the classes for every video ({asked_by}). Without them actions have no "
            'names: leave the flag out, or set --config.data.external_scores="".'
        )
    title = f"The file of {asked_by}"
    found, names, stored, problems = readers[path.suffix](path, set(video_ids))
    refuse(title, problems)
    problems = Problems(path)
    problems.extend(missing_videos(path, stored, video_ids, "scores"))
    scores = {}
    for video in (video for video in video_ids if video in found):
        values, why = read_scores(found[video], names)
        if why:
            problems.add(str(path), 0, f"scores of video {video!r}: {why}", EXPECTED)
        else:
            scores[video] = values
    sizes = {len(values) for values in scores.values()}
    if len(sizes) > 1:
        found = f"videos have {min(sizes)} to {max(sizes)} scores"
        problems.add(str(path), 0, found, "expected one per class for each")
    elif scores and names is not None:
        problems.extend(_name_problems(path, names, min(sizes)))
    refuse(title, problems.listed())
    return VideoClassScores(scores, None if names is None else tuple(names), tuple(stored))


def check_order(path, scores, known):
    """Raises a UserError if VideoClassScores have the classes of the annotations, name by id, in another order."""
    problems = []
    if known and scores.num_classes <= max(known):
        found = f"scores of {count(scores.num_classes, 'class')}"
        problems.append(
            Problem(str(path), 0, found, f"expected {max(known) + 1}: the annotations have the id {max(known)}")
        )
    places = {name: number for number, name in enumerate(scores.names or ())}
    moved = [(name, number) for number, name in known.items() if places.get(name, number) != number]
    if moved:
        name, number = moved[0]
        what = f"{count(moved, 'class')} {verb(moved, 'have')} another number than in the annotations"
        found = f"{what}, such as {name!r} with {places[name]}"
        problems.append(Problem(str(path), 0, found, f"expected {number}, its label_id"))
    refuse("The file of config.data.external_scores", problems)


def check_number(path, scores, known, asked_by):
    """Raises a UserError if VideoClassScores without names are of fewer classes than a run, whose names are `known`."""
    wrong = why_other_number(scores.num_classes, len(known))
    if wrong and scores.names is None and scores.num_classes < len(known):
        expected = "give them all, or the names of the classes under 'class'"
        refuse(f"The file of {asked_by}", [Problem(str(path), 0, wrong, expected)])


def score_lines(path, scores):
    """Lines about VideoClassScores that are no shares."""
    total = count(scores.by_video, "video")
    zero = [video for video, values in scores.by_video.items() if not values.any()]
    if zero:
        of = f"all scores of {len(zero)} of {total} are 0"
        yield f"{path}: {of}, and so are the scores of all that is found there: {name_some(zero)}"
    large = {video: float(values.max()) for video, values in scores.by_video.items() if values.max() > 1}
    if large:
        of = f"scores of {len(large)} of {total} are above 1, up to {max(large.values()):g}"
        effect = "expected shares from 0 to 1; they are taken as they are, and scores of what is found grow with them"
        yield f"{path}: {of}; {effect}: {name_some(large)}"


def name_lines(path, scores, known):
    """Lines about the classes of VideoClassScores that are not those of a run, whose names are `known`."""
    if scores.names is None:
        if scores.num_classes > len(known) > 1:
            more = f"the run knows {len(known)}; the others are called 'class {len(known)}' and so on"
            yield f"{path}: scores of {count(scores.num_classes, 'class')}, and {more}"
        return
    unknown = [name for name in scores.names if name not in known]
    lacking = [name for name in known if name not in scores.names]
    if len(known) < 2:
        return
    if unknown:
        guesses = [
            f"{name!r} (did you mean {guess!r}?)" if (guess := nearest(name, lacking)) else repr(name)
            for name in unknown
        ]
        what = f"{count(unknown, 'class')} of the scores {verb(unknown, 'are')} unknown to the run"
        yield f"{path}: {what}, and what is found is named so all the same: {name_some(guesses)}"
    if lacking:
        what = f"{count(lacking, 'class')} of the run {verb(lacking, 'have')} no score"
        yield f"{path}: {what}, so that nothing is named so: {name_some(map(repr, lacking))}"


def renamed_lines(path, scores, known):
    """Lines about names of VideoClassScores that are not those of the annotations, name by id; numbers count."""
    names = scores.names or ()
    other = [(name, names[number]) for number, name in known.items() if number < len(names) and name not in names]
    if other:
        listed = name_some(f"{there!r} for {name!r}" for name, there in other)
        what = f"{count(other, 'class')} {verb(other, 'have')} another name than in the annotations"
        yield f"{path}: {what}; numbers count: {listed}"


def _name_problems(path, names, number):
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        yield Problem(str(path), 0, "'class' is no list of names", "expected the name of every class, or nothing")
    elif len(names) != number:
        found = f"'class' has {count(names, 'name')}"
        yield Problem(str(path), 0, found, f"expected {number}, one per score of a video")
    elif len(set(names)) < len(names):
        name = next(name for name in names if names.count(name) > 1)
        yield Problem(str(path), 0, f"'class' has {name!r} twice", "expected every name once")
    else:
        for name in names:
            if why := why_no_class(name):
                yield Problem(str(path), 0, f"'class': {why}: {quote(name)}", "expected a name that can be shown")


def _read_json(path, wanted):
    """(values by video, names of the classes or None, names of all videos, problems)."""
    expected = "{VIDEO: [score of every class]}"
    content, problems = read_json(path, expected, 4 * MAX_TEXT_BYTES)
    if problems:
        return {}, None, (), problems
    names = content.get("class") if isinstance(content, dict) and "results" in content else None
    content = content.get("results", content) if isinstance(content, dict) else None
    if not isinstance(content, dict):
        return {}, None, (), [Problem(str(path), 0, "no table of videos", f"expected {expected}")]
    return {video: values for video, values in content.items() if video in wanted}, names, tuple(content), []


def _read_npz(path, wanted):
    """As `_read_json`."""
    found, names = {}, []
    expected = "expected a .npz file with an array for every video"
    try:
        with open_data(path) as file, np.load(file, allow_pickle=False) as archive:
            members = {info.filename: info.file_size for info in archive.zip.infolist()}
            names = [info.filename.removesuffix(".npy") for info in archive.zip.infolist()]
            if twice := doubled_member(archive.zip).removesuffix(".npy"):
                return {}, None, (), [Problem(str(path), 0, f"the array {twice!r} is there twice", expected)]
            for name in wanted.intersection(names):
                size = members.get(f"{name}.npy", 0)
                found[name] = archive[name] if size <= _MAX_BYTES else f"{size} bytes"
    except (OSError, ValueError, EOFError, TypeError, RuntimeError, NotImplementedError) as error:
        text = f"file cannot be read ({getattr(error, 'strerror', None) or error})"
        return {}, None, (), [Problem(str(path), 0, text, expected)]
    except (zipfile.BadZipFile, zlib.error) as error:
        return {}, None, (), [Problem(str(path), 0, f"file cannot be read ({error})", expected)]
    return found, None, tuple(names), []
