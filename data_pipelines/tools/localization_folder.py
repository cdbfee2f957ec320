"""Finds out what a folder with annotations of segments holds: subsets, features, and their places."""

import dataclasses
import os
import pathlib

from data_pipelines.core.feature_files import FeatureFileError
from data_pipelines.core.json_files import read_json
from data_pipelines.core.problems import Problem
from data_pipelines.core.text_files import quote
from data_pipelines.core.wording import count, name_some
from data_pipelines.localization.annotations import Database, read_database, read_subsets
from data_pipelines.localization.checks import check_widths, place_of
from data_pipelines.localization.choice import choose_videos
from data_pipelines.localization.config import SPLIT, SUBSET_TABLES, LocalizationDataConfig
from data_pipelines.localization.features import HDF5_SUFFIXES, FeatureStore, Stream
from fact_jax.types import UserError, nearest

ANNOTATION_FILES = ("annotations.json", "annotations.json.gz")
# Names of subsets to train with and to evaluate, in the order they are looked for. THUMOS14 trains with "validation".
_SUBSETS = (
    ("training", "validation"), ("train", "validation"), ("training", "val"), ("train", "val"), ("training", "test"),
    ("train", "test"), ("training", "testing"), ("train", "testing"), ("validation", "test"), ("val", "test"),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class LocalizationFolder:
    """What was found.

    Attributes:
      data: LocalizationDataConfig, without what says where features lie in time.
      videos: AnnotatedVideo lists by "train" and "test".
      lengths: stored features of every video that has some.
      feature_dim: D, 0 where there are none.
    """

    data: LocalizationDataConfig
    database: Database
    store: FeatureStore
    videos: dict
    lengths: dict
    feature_dim: int
    problems: list
    findings: list


def find_annotations(root, given=None):
    """Name of the annotation file below a folder, or "" if there is none."""
    return given or next((name for name in ANNOTATION_FILES if os.path.isfile(root / name)), "")


def _other_annotations(root, annotation_file):
    """A finding where the same annotations are there compressed and not, of which one file is read."""
    others = [name for name in ANNOTATION_FILES if name != annotation_file and os.path.isfile(root / name)]
    if annotation_file not in ANNOTATION_FILES or not others:
        return []
    contents = [read_json(root / name, "annotations")[0] for name in (annotation_file, others[0])]
    says = "the same" if contents[0] == contents[1] else "another content"
    return [f"annotations: {annotation_file}; {others[0]} beside it has {says} and is not read (--annotation_file)"]


def survey(root, options):
    """Looks through a folder; returns a LocalizationFolder. A UserError says that subsets cannot be told apart."""
    root = pathlib.Path(root).resolve()
    annotation_file = find_annotations(root, options.annotation_file)
    subset_file, split, findings = _find_subset_file(root, options)
    if not options.annotation_file:
        findings = [*_other_annotations(root, annotation_file), *findings]
    name = subset_file.replace("{split}", split)
    subsets, problems = read_subsets(root / name) if name else (None, [])
    database, more = read_database(root / annotation_file, subsets)
    problems = problems + more
    train, test, finding = _find_subsets(database, options)
    place, prefix, suffix, more = _find_features(root, database, options)
    findings += [finding, more]
    data = LocalizationDataConfig(
        dataset=options.name or root.name,
        dir=str(root),
        annotation_file=annotation_file,
        subset_file=subset_file,
        split=split,
        feature_places=(place,),
        feature_prefix=prefix,
        feature_suffix=suffix,
        skip_missing=options.skip_missing,
        train_subsets=train,
        test_subsets=test,
        fps=options.fps,
    )
    chosen = choose_videos(database, database, subsets, data)
    videos, problems = chosen.videos, [*problems, *chosen.problems]
    store = FeatureStore([Stream(root / place, prefix, suffix)])
    lengths, width, more, missing = _read_shapes(store, [v for found in videos.values() for v in found])
    if missing and not options.skip_missing:
        text = f"file is missing, as of {count(missing, 'video')}"
        expected = "--skip_missing leaves them out of training and counts them as misses in the evaluation"
        expected = expected if lengths else "no video has features there; --feature_dir names their folder"
        problems.append(Problem(place_of(store, missing[0]), 0, text, expected))
    elif missing:
        findings.append(f"no features, left out: {count(missing, 'video')}, {name_some(missing)}")
    return LocalizationFolder(
        data, database, store, videos, lengths, width, problems + more, [*findings, *chosen.notes]
    )


def _find_subset_file(root, options):
    """(name with "{split}" or "", split, findings)."""
    names = (options.subset_file,) if options.subset_file is not None else SUBSET_TABLES
    for name in filter(None, names):
        if "{split}" not in name:
            if os.path.isfile(root / name):
                return name, SPLIT, [f"subsets: {name}"]
            continue
        before, after = pathlib.PurePath(name).name.split("{split}", 1)
        folder = (root / name).parent
        listed = sorted(os.listdir(folder)) if folder.is_dir() else []
        splits = [
            file[len(before) : len(file) - len(after)]
            for file in listed
            if file.startswith(before) and file.endswith(after) and len(file) > len(before) + len(after)
        ]
        if splits:
            split = options.split or ("split1" if "split1" in splits else splits[0])
            if split not in splits:
                guess = nearest(split, splits)
                hint = f" Did you mean {guess!r}?" if guess else ""
                raise UserError(f"--split is {split!r}.{hint} Splits of {root}: {', '.join(splits)}.")
            return name, split, [f"subsets: {name}, split {split} (of {', '.join(splits)})"]
    if options.subset_file:
        raise UserError(f"--subset_file is {options.subset_file}, of which {root} has none.")
    if options.split:
        raise UserError(f"--split is {options.split}, but {root} has no tables splits/subsets.{{split}}.csv.")
    return "", SPLIT, []


def _find_subsets(database, options):
    """(subsets to train with, subsets to evaluate, finding)."""
    if bool(options.train_subsets) != bool(options.test_subsets):
        raise UserError("--train_subsets and --test_subsets go together.")
    if options.train_subsets:
        train, test, reason = tuple(options.train_subsets), tuple(options.test_subsets), "as given"
    else:
        # A subset without segments, such as the test videos of a challenge, cannot be evaluated.
        there = {video.subset for video in database.videos.values() if len(video.segments)}
        there = there or {video.subset for video in database.videos.values()}
        found = next((pair for pair in _SUBSETS if set(pair) <= there), None)
        if found is None and database.videos:
            named = ", ".join(map(quote, sorted({video.subset for video in database.videos.values()} - {""})))
            there = f"the subsets {named}" if named else "no subsets"
            raise UserError(
                f"{database.path} has {there}. Say which are for what: --train_subsets NAME --test_subsets NAME; or "
                "choose them: python -m data_pipelines.make_splits FOLDER --test 0.25"
            )
        (train,), (test,) = [(name,) for name in found or _SUBSETS[0]]
        train, test, reason = (train,), (test,), "by name"
    return train, test, f"subsets to train with: {', '.join(train)}; to evaluate: {', '.join(test)}; {reason}"


def _find_features(root, database, options):
    """(place, prefix, suffix, finding) of the features, of which there may be none."""
    place = options.feature_dir
    if place.endswith(HDF5_SUFFIXES):
        return place, "", ".npy", f"features: {place}"
    try:
        listed = set(os.listdir(root / place))
    except OSError as error:
        raise UserError(f"{root / place}: {error.strerror}. Name the folder of the features: --feature_dir.") from None
    forms = [(prefix, suffix) for prefix in ("", "v_") for suffix in (".npy", ".npz")]
    found = {form: sum(f"{form[0]}{video}{form[1]}" in listed for video in database.videos) for form in forms}
    prefix, suffix = max(forms, key=found.get)
    number = found.pop((prefix, suffix))
    finding = f"features: {place}/{prefix}VIDEO{suffix}, of {number} of {count(database.videos, 'video')}"
    others = [f"{before}VIDEO{after}, of {more}" for (before, after), more in found.items() if more]
    if others:
        finding += f"; beside them there is {' and '.join(others)}, which is not read"
    return place, prefix, suffix, finding


def _read_shapes(store, videos):
    """(number of features by video, D, problems, videos without features)."""
    shapes, problems, missing = {}, [], []
    for video in videos:
        try:
            shapes[video.video_id] = store.shape(video.video_id)
        except FeatureFileError as error:
            if str(error).endswith("is missing"):
                missing.append(video.video_id)
            else:
                problems.append(Problem(place_of(store, video.video_id), 0, str(error)))
    width, _, found = check_widths(store, shapes)
    return {name: length for name, (length, _) in shapes.items()}, width, problems + found, missing
