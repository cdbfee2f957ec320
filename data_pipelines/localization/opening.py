"""One call from `config.data` to checked, ready videos of a localization dataset."""

import dataclasses
import os
import pathlib

from data_pipelines.core.labelled_videos import MemoryBudget
from data_pipelines.core.validation import count_problems, format_problems
from data_pipelines.localization import checks, synthetic
from data_pipelines.localization.annotations import read_database, read_subsets
from data_pipelines.localization.features import FeatureStore, Stream
from data_pipelines.localization.grids import read_features
from data_pipelines.localization.source import LocalizationSource, SegmentRules, truth_of
from data_pipelines.segmentation.annotations import Problem
from data_pipelines.segmentation.synthetic import make_spec
from fact_jax.files import atomic_write_text, why_no_folder
from fact_jax.ops.time_grid import GridRule
from fact_jax.types import UserError, check_choice

READERS = ("files", "tfds", "synthetic")
SPLIT = "default"  # the name of the one split that a dataset of this kind has
PROBLEMS_FILE = "data_problems.txt"
_MAX_SHOWN = 50


@dataclasses.dataclass(frozen=True)
class LocalizationSources:
    """The videos of one run.

    Attributes:
      class_names: name of every class that the network knows, by id; "class 7" where the annotations name none.
      feature_dim: D.
      train, test: LocalizationSource.
      truth_classes: class name by the id in the truth of an evaluation; differs where the network knows no classes.
      empty_classes: ids without an annotation anywhere.
      notes: lines for the user about videos that were left out.
    """

    class_names: tuple
    feature_dim: int
    train: LocalizationSource
    test: LocalizationSource
    truth_classes: dict
    empty_classes: tuple
    notes: tuple


@dataclasses.dataclass(frozen=True)
class _Found:
    """What the files hold: the store, AnnotatedVideo lists by subset, ids by class name."""

    store: object
    videos: dict
    class_ids: dict


def open_localization(data, workdir=None, *, memory_limit):
    """Opens the videos that `config.data` names, after checking all of them.

    Args:
      data: object with the fields of `config.data`, see configs/_base/localization_datasets.py.
      workdir: where to note that the data passed the check, so that the next run does not read every value again, and
        to write a list of problems too long for the message; None = nowhere.
      memory_limit: bytes of features that may stay in memory.

    Returns:
      LocalizationSources.

    Raises:
      UserError: the settings or the data have problems; the message names all of them.
    """
    check_choice("config.data.reader", data.reader, READERS)
    _check_settings(data)
    rule = GridRule.of(data)
    if data.reader == "synthetic":
        found, problems = _open_synthetic(data), []
    else:
        found, problems = _open_files(data)
    num_classes = data.num_classes or max([*found.class_ids.values(), -1]) + 1
    problems = problems + _class_problems(data, found, num_classes)
    checked = checks.check_videos(found.store, found.videos, data, rule)
    problems += checked.problems
    notes = list(checked.notes)
    if data.reader != "synthetic":
        problems += checks.check_values(found.store, checked, problems, workdir, data)
    _report(data, problems, workdir)
    if data.reader == "tfds":
        # TFDS takes a while to import: only who uses it waits.
        from data_pipelines.localization import feature_copy

        found = dataclasses.replace(found, store=feature_copy.open_copy(data, found.store, checked))
    budget = MemoryBudget(memory_limit)
    names = _class_names(found.class_ids, num_classes)
    agnostic = _is_agnostic(found, num_classes)
    sources = {
        subset: _make_source(found, checked, subset, data, rule, budget, agnostic, ("action",) if agnostic else names)
        for subset in ("train", "test")
    }
    used = set(found.class_ids.values())
    empty = () if agnostic else tuple(i for i in range(num_classes) if i not in used)
    return LocalizationSources(
        sources["train"].class_names, checked.feature_dim, sources["train"], sources["test"],
        {number: name for name, number in found.class_ids.items()}, empty, tuple(notes),
    )  # fmt: skip


def read_classes(data):
    """Names of the classes that the network knows, by id, without looking at any features.

    Raises:
      UserError: the annotations have problems; the message names all of them.
    """
    found, problems = (_open_synthetic(data), []) if data.reader == "synthetic" else _open_files(data)
    num_classes = data.num_classes or max([*found.class_ids.values(), -1]) + 1
    _report(data, problems + _class_problems(data, found, num_classes), None)
    return ("action",) if _is_agnostic(found, num_classes) else _class_names(found.class_ids, num_classes)


def expected_tree(data):
    """Describes, in text, the files that `config.data` asks for."""
    rows = [(data.annotation_file, "annotations in the form of ActivityNet, times in seconds")]
    for place in data.feature_places:
        stream = Stream(pathlib.Path(place), data.feature_prefix, data.feature_suffix)
        text = "float array (features, channels), one per video"
        if stream.is_hdf5:
            rows.append((place, f"a dataset '{data.feature_prefix}<video>' of the same form for every video"))
        else:
            rows.append((f"{place}/{data.feature_prefix}<video>{data.feature_suffix}", text))
    width = max(len(name) for name, _ in rows)
    tree = "\n".join(f"    {name:<{width}}  {text}" for name, text in rows)
    return f"Expected files of dataset {data.dataset!r}:\n  {data.dir or 'FOLDER'}/\n{tree}"


def _check_settings(data):
    if data.split != SPLIT:
        raise UserError(
            f"config.data.split is {data.split!r}; a localization dataset has one split, {SPLIT!r}: leave it out. "
            "config.data.train_subsets and test_subsets choose the videos."
        )
    if data.feature_stride <= 0 and data.sample_rate != 1:
        raise UserError(
            f"config.data.sample_rate is {data.sample_rate}, but features that are spread evenly over a video "
            "(feature_stride 0) are used all; set it to 1."
        )


def _open_synthetic(data):
    spec = make_spec(data.synthetic, synthetic.LocalizationSpec)
    made = {name: synthetic.SyntheticVideos(spec, subset)
            for name, subset in zip(("train", "test"), synthetic.SUBSETS, strict=True)}  # fmt: skip
    class_ids = {name: number for number, name in enumerate(made["train"].class_names)}
    return _Found(_Together(made.values()), {name: videos.videos for name, videos in made.items()}, class_ids)


class _Together:
    """Several stores as one."""

    def __init__(self, stores):
        self._stores = tuple(stores)

    def _of(self, video_id):
        return next((store for store in self._stores if not store.is_missing(video_id)), self._stores[0])

    def is_missing(self, video_id):
        return self._of(video_id).is_missing(video_id)

    def shape(self, video_id):
        return self._of(video_id).shape(video_id)

    def read(self, video_id, every=1):
        return self._of(video_id).read(video_id, every)


def _open_files(data):
    root = pathlib.Path(os.path.expanduser(data.dir))
    reason = why_no_folder(root)
    if not data.dir or reason:
        found = f"config.data.dir is {data.dir!r}, which {reason}" if data.dir else "config.data.dir is not set"
        raise UserError(f"{found}. Give the dataset's folder: --config.data.dir=FOLDER\n{expected_tree(data)}")
    subsets, problems = read_subsets(root / data.subset_file) if data.subset_file else (None, [])
    database, more = read_database(root / data.annotation_file, subsets)
    problems = problems + more
    videos = {}
    for name in ("train", "test"):
        wanted = getattr(data, f"{name}_subsets")
        videos[name] = database.in_subsets(wanted)
        if database.videos and not videos[name]:
            there = ", ".join(sorted({repr(video.subset) for video in database.videos.values()}))
            found = f"no video of the subsets {', '.join(map(repr, wanted))} (config.data.{name}_subsets)"
            problems.append(Problem(str(database.path), 0, found, f"the file has {there}"))
    both = {video.video_id for video in videos["train"]} & {video.video_id for video in videos["test"]}
    if both and set(data.train_subsets) != set(data.test_subsets):
        found = f"{len(both)} videos are to be trained with and tested on, such as {min(both)!r}"
        problems.append(Problem(str(database.path), 0, found, "expected train_subsets and test_subsets apart"))
    streams = [Stream(root / place, data.feature_prefix, data.feature_suffix) for place in data.feature_places]
    for stream in streams:
        reason = ("" if stream.place.is_file() else "is no file") if stream.is_hdf5 else why_no_folder(stream.place)
        if reason:
            problems.append(Problem(str(stream.place), 0, f"the place of the features {reason}",
                                    "see config.data.feature_places"))  # fmt: skip
    return _Found(FeatureStore(streams), videos, database.class_ids), problems


def _is_agnostic(found, num_classes):
    """One class for a dataset of several: the network finds actions and leaves naming them to others."""
    return num_classes == 1 and len(found.class_ids) > 1


def _class_problems(data, found, num_classes):
    if _is_agnostic(found, num_classes):
        return []
    too_large = {name: number for name, number in found.class_ids.items() if number >= num_classes}
    if not too_large:
        return []
    name = max(too_large, key=too_large.get)
    text = f"{len(too_large)} classes have ids of {num_classes} or more, such as {name!r} with {too_large[name]}"
    return [Problem(str(data.annotation_file), 0, text, "set config.data.num_classes to the number of classes")]


def _class_names(class_ids, num_classes):
    names = {number: name for name, number in class_ids.items()}
    return tuple(names.get(number, f"class {number}") for number in range(num_classes))


def _make_source(found, checked, subset, data, rule, budget, agnostic, names):
    videos = checked.usable[subset]
    stored = [checked.lengths[video.video_id] for video in videos]
    rules = SegmentRules(agnostic, data.remove_doubles, data.clip_segments, data.truncation_threshold)

    def read(index):
        with checks.unchanged(found.store, videos[index].video_id):
            return read_features(rule, found.store, videos[index].video_id)

    return LocalizationSource(
        videos,
        [rule.length(length) for length in stored],
        [rule.grid(n, data.fps or video.fps, video.duration) for n, video in zip(stored, videos, strict=True)],
        read,
        class_names=names,
        feature_dim=checked.feature_dim,
        rules=rules,
        truth=truth_of(found.videos[subset]),
        budget=budget,
        training=subset == "train",
    )


def _report(data, problems, workdir):
    """Raises a UserError that lists all problems, if there are any."""
    if not problems:
        return
    rows = [f"The {data.dataset} dataset in {data.dir} has {count_problems(problems)}:"]
    rows.append(format_problems(problems, _MAX_SHOWN))
    if len(problems) > _MAX_SHOWN and workdir is not None:
        path = pathlib.Path(workdir) / PROBLEMS_FILE
        atomic_write_text(path, "".join(f"{problem}\n" for problem in problems))
        rows.append(f"The full list is in {path}")
    rows.append(expected_tree(data))
    raise UserError("\n".join(rows))
