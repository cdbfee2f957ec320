"""One call from the settings of a localization dataset to checked, ready videos."""

import dataclasses
import pathlib

from data_pipelines.core.dataset_times import made_by_of
from data_pipelines.core.finite import CheckedFeatures
from data_pipelines.core.labelled_videos import MemoryBudget
from data_pipelines.core.problems import PROBLEMS_FILE, Problem, refuse
from data_pipelines.core.settings import check_absolute, dataset_root, is_copy_alone
from data_pipelines.core.unread_files import unread_lines
from data_pipelines.core.wording import count, name_some, verb
from data_pipelines.localization import checks, synthetic
from data_pipelines.localization.annotations import read_databases, read_subsets
from data_pipelines.localization.choice import SUBSETS, choose_videos
from data_pipelines.localization.config import LocalizationDataConfig
from data_pipelines.localization.feature_names import SUFFIXES, array_lines
from data_pipelines.localization.features import FeatureStore, Stream
from data_pipelines.localization.grids import read_features
from data_pipelines.localization.source import LocalizationSource, SegmentRules, ground_truth_of
from data_pipelines.localization.stated_times import completed, read_store_times
from fact_jax.files import why_no_folder
from fact_jax.ops.time_grid import GridRule


@dataclasses.dataclass(frozen=True)
class LocalizationSources:
    """The videos of one run.

    Attributes:
      class_names: name of every class that the network knows, by id; "class 7" where the annotations name none.
      truth_classes: class name by the id in the truth of an evaluation; differs where the network knows no classes.
      empty_classes: ids without an annotation anywhere.
      notes: lines for the user about videos that were left out.
      feature_checksums: dict from video to a checksum of its features; {} where there are no files; None where a
        prepared copy was made before there were any.
      feature_values: dict from video to VideoValues of its features; {} where they are not known.
      made_by, is_timed: what made the features, as VIDEO.json says beside them; whether there are such files.
    """

    class_names: tuple
    feature_dim: int
    train: LocalizationSource
    test: LocalizationSource
    truth_classes: dict
    empty_classes: tuple
    notes: tuple
    feature_checksums: dict | None
    feature_values: dict
    made_by: dict = dataclasses.field(default_factory=dict)
    is_timed: bool = False


@dataclasses.dataclass(frozen=True)
class _Found:
    """What the files hold: the store, AnnotatedVideo lists by subset, ids by class name, lines about the videos."""

    store: object
    videos: dict
    class_ids: dict
    notes: tuple = ()

    def num_classes(self, data):
        """C, as the settings or the annotations say."""
        return data.num_classes or max([*self.class_ids.values(), -1]) + 1

    def class_names(self, data):
        """Names of the classes that the network knows, by id; "class 7" where the annotations name none."""
        if self.is_agnostic(data):
            return ("action",)
        names = {number: name for name, number in self.class_ids.items()}
        return tuple(names.get(number, f"class {number}") for number in range(self.num_classes(data)))

    def is_agnostic(self, data):
        """One class for a dataset of several: the network finds actions and leaves naming them to others."""
        return self.num_classes(data) == 1 and len(self.class_ids) > 1


def open_localization(data: LocalizationDataConfig, workdir=None):
    """Opens the videos that the settings name, after checking all of them; a UserError names all problems.

    `workdir` is where to note that the data passed the check, so that the next run does not read every value again, and
    to write a list of problems too long for the message; None = nowhere.
    """
    data.check()
    rule = GridRule.of(data)
    found, problems = _open(data)
    has_files = data.reader != "synthetic" and not is_copy_alone(data)
    if is_copy_alone(data):
        # What was left out of the copy is left out here: it had no features, or no segment to train with.
        data = dataclasses.replace(data, skip_missing=True)
    features = CheckedFeatures()
    times, more = read_store_times(found.store, found.videos, data)
    problems += more
    if times:
        videos = {
            subset: [completed(video, times.get(video.video_id)) for video in listed]
            for subset, listed in found.videos.items()
        }
        found = dataclasses.replace(found, videos=videos)
    checked = checks.check_videos(found.store, found.videos, data, rule, times)
    problems += checked.problems
    if has_files:
        more, lines, features = checks.check_values(found.store, checked, problems, workdir, data)
        problems += more
        checked = dataclasses.replace(checked, notes=(*checked.notes, *lines))
    _refuse(data, problems, workdir)
    if has_files and data.reader == "tfds":
        from data_pipelines.localization import feature_copy

        found = dataclasses.replace(found, store=feature_copy.open_copy(data, found.store, checked, features))
    if is_copy_alone(data):
        features = found.store.checked
        checked = dataclasses.replace(checked, notes=(*checked.notes, *checks.feature_lines(features, checked.usable)))
    budget = MemoryBudget.of(data)
    sources = {subset: _make_source(found, checked, subset, data, rule, budget, times) for subset in SUBSETS}
    names, used = sources["train"].class_names, set(found.class_ids.values())
    return LocalizationSources(
        class_names=names,
        feature_dim=checked.feature_dim,
        **sources,
        truth_classes={number: name for name, number in found.class_ids.items()},
        empty_classes=() if found.is_agnostic(data) else tuple(i for i in range(len(names)) if i not in used),
        notes=found.notes + checked.notes,
        feature_checksums=features.checksums,
        feature_values=features.values,
        made_by=made_by_of(times),
        is_timed=bool(times),
    )


def read_classes(data: LocalizationDataConfig):
    """Names of the classes that the network knows, by id, without any features; a UserError names all problems."""
    found, problems = _open(data)
    _refuse(data, problems)
    return found.class_names(data)


def expected_tree(data):
    """Describes, in text, the files that `config.data` asks for."""
    files = dict.fromkeys(map(data.annotation_file_of, SUBSETS))
    rows = [(name, "annotations in the form of ActivityNet, times in seconds") for name in files]
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


def _open(data):
    """(_Found, list of Problem)."""
    if data.reader == "synthetic":
        made = {
            name: synthetic.SyntheticVideos(data.synthetic, subset)
            for name, subset in zip(SUBSETS, synthetic.SUBSETS, strict=True)
        }
        class_ids = {name: number for number, name in enumerate(made["train"].class_names)}
        videos = {name: subset.videos for name, subset in made.items()}
        found, problems = _Found(synthetic.Together(made.values()), videos, class_ids), []
    else:
        found, problems = _open_files(data)
    return found, problems + _class_problems(data, found)


def _open_files(data):
    if is_copy_alone(data):
        check_absolute(data, ("annotation_file", "test_annotation_file", "subset_file"))
    root = pathlib.Path() if is_copy_alone(data) else dataset_root(data, expected_tree(data))
    table, problems = read_subsets(root / data.subset_table) if data.subset_table else (None, [])
    paths = [root / data.annotation_file_of(subset) for subset in SUBSETS]
    databases, more = read_databases(dict.fromkeys(paths), table)
    by_path = {database.path: database for database in databases}
    chosen = choose_videos(*(by_path[path] for path in paths), table, data)
    store, wrong = _open_store(data, root)
    problems = problems + more + chosen.problems + wrong
    notes = chosen.notes
    if not (problems or is_copy_alone(data)):
        own = [*paths, *([root / data.subset_table] if data.subset_table else [])]
        annotated = {name for database in databases for name in database.videos}
        notes += (*_unread_notes(store, own, annotated),)
    return _Found(store, chosen.videos, databases[0].class_ids, notes), problems


def _unread_notes(store, own, annotated):
    """Lines about files beside the features that nobody reads; `annotated` are the names of all videos."""
    for stream in (stream for stream in store.streams if not stream.is_hdf5):
        # Files of the other kind beside those of a video are told by `feature_names.unread_lines`.
        endings = (*SUFFIXES, ".json")  # of which the last say where features lie in time
        beside = [stream.place / f"{stream.prefix}{video}{ending}" for video in annotated for ending in endings]
        yield from unread_lines([stream.place], [stream.suffix], [*own, *beside])
        yield from array_lines([stream.path(video) for video in sorted(annotated & stream.videos())])
        others = sorted(stream.videos() - annotated)
        if others:
            of = f"{count(others, 'feature file')} of {stream.place}"
            yield f"{of} left out, of no annotated video: {name_some(others)}"


def _open_store(data, root):
    """(store of the features, list of Problem)."""
    if is_copy_alone(data):
        # TFDS takes a while to import: only who uses it waits.
        from data_pipelines.localization import feature_copy

        return feature_copy.CopiedFeatures(feature_copy.copy_directory(data)), []
    streams = [Stream(root / place, data.feature_prefix, data.feature_suffix) for place in data.feature_places]
    problems = []
    for stream in streams:
        reason = ("" if stream.place.is_file() else "is no file") if stream.is_hdf5 else why_no_folder(stream.place)
        if reason:
            found = f"the place of the features {reason}"
            problems.append(Problem(str(stream.place), 0, found, "see config.data.feature_places"))
    return FeatureStore(streams), problems


def _class_problems(data, found):
    num_classes = found.num_classes(data)
    too_large = {name: number for name, number in found.class_ids.items() if number >= num_classes}
    if not too_large or found.is_agnostic(data):
        return []
    name = max(too_large, key=too_large.get)
    classes = f"{count(too_large, 'class')} {verb(too_large, 'have')}"
    text = f"{classes} ids of {num_classes} or more, such as {name!r} with {too_large[name]}"
    hint = "set config.data.num_classes to the number of classes"
    return [Problem(checks.place_of_annotations(data, "train"), 0, text, hint)]


def _make_source(found, checked, subset, data, rule, budget, times):
    videos = checked.usable[subset]
    stored = [checked.lengths[video.video_id] for video in videos]
    rules = SegmentRules(found.is_agnostic(data), data.remove_doubles, data.clip_segments, data.truncation_threshold)

    def read(index):
        with checks.unchanged(found.store, videos[index].video_id):
            return read_features(rule, found.store, videos[index].video_id)

    return LocalizationSource(
        videos,
        [rule.length(length) for length in stored],
        [checks.grid_of_video(rule, n, video, data, times) for n, video in zip(stored, videos, strict=True)],
        read,
        class_names=found.class_names(data),
        feature_dim=checked.feature_dim,
        rules=rules,
        truth=ground_truth_of(found.videos[subset]),
        budget=budget,
        training=subset == "train",
    )


def _refuse(data, problems, workdir=None):
    """Raises a UserError that lists all problems, if there are any."""
    title, report_file = f"The {data.dataset} dataset in {data.dir}", pathlib.Path(workdir or "") / PROBLEMS_FILE
    refuse(title, problems, report_file=report_file if workdir else None, notes=(expected_tree(data),))
