"""The index of a dataset: classes, split lists, labels and feature shapes, read without loading any features.

`read_index` goes through every text file and every .npy header once and collects all problems on the way.
"""

import collections
import dataclasses

from tqdm import tqdm

from data_pipelines.core.dataset_times import read_times
from data_pipelines.core.feature_files import FeatureFileError, frames_and_channels, read_header
from data_pipelines.core.feature_times import times_path
from data_pipelines.core.finite import stat_digest
from data_pipelines.core.missing_files import HintedFolder
from data_pipelines.core.problems import Problem, Problems, group_alike
from data_pipelines.core.wording import count
from data_pipelines.segmentation.annotations import read_labels, read_mapping, read_split
from data_pipelines.segmentation.label_forms import ADVICE
from data_pipelines.segmentation.label_oddities import copy_problems, heading_of
from data_pipelines.segmentation.layouts import Layout
from data_pipelines.segmentation.lengths import length_notes, length_problems
from data_pipelines.segmentation.timed_labels import labels_of_frames, labels_of_segments
from fact_jax.files import why_no_folder
from fact_jax.types import UserError

# Problems of all files of one folder that are told one by one.
_MAX_PROBLEMS = 10_000
# Label files of one form that are told one by one.
_MAX_ALIKE = 3


@dataclasses.dataclass(frozen=True)
class DatasetIndex:
    """What is known of a dataset before its features are read.

    Attributes:
      class_names: name of every class, by id.
      splits: dict from subset ("train", "test", "validation") to a tuple of video ids in file order.
      labels: dict from video id to int32, all lines of its label file; see `common_labels`.
      headers: dict from video id to the header of its feature file.
      feature_dim: D.
      notes: lines for the user about what is odd, but no problem.
      times: dict from video id to the FeatureTimes of its features; {} where none have any.
    """

    layout: Layout
    class_names: tuple
    splits: dict
    labels: dict
    headers: dict
    feature_dim: int
    notes: tuple = ()
    times: dict = dataclasses.field(default_factory=dict)

    def feature_shapes(self):
        """dict from video id to (stored frames, channels) of its feature file."""
        time_axis = self.layout.data.time_axis
        return {video: frames_and_channels(header.shape, time_axis) for video, header in self.headers.items()}

    def common_labels(self, video_id):
        """int32 [N], the labels of a video up to the frames that features and labels have in common."""
        frames, _ = frames_and_channels(self.headers[video_id].shape, self.layout.data.time_axis)
        return self.labels[video_id][:frames]

    def fingerprint(self):
        """Digest of the names, sizes and times of change of all files read, and of how; a UserError if one is gone."""
        layout = self.layout
        videos = list(self.labels)
        files = [layout.mapping_file, *(layout.split_files[subset] for subset in self.splits)]
        files += [layout.segment_file] if layout.segment_file else [layout.label_file(video) for video in videos]
        files += [layout.feature_file(video) for video in videos]
        files += [times_path(layout.feature_file(video)) for video in self.times]
        try:
            return stat_digest((layout.data.time_axis, sorted(self.splits.items())), files)
        except OSError as error:
            raise UserError(f"{error.filename}: {error.strerror}. It was there when the data was read.") from error


def read_index(layout, subsets):
    """Reads everything but the feature values: (index, problems); `subsets` are the split lists to read.

    With problems, the index covers what could be read: `labels` and `headers` may lack videos, labels may hold -1.
    """
    class_ids, problems = read_mapping(layout.mapping_file)
    # Ids beyond the class list cannot be used as such; the mapping's own problem already says so.
    class_names = tuple(sorted(class_ids, key=class_ids.get))
    problems += _background_problems(layout, class_names)
    splits, split_problems = _read_splits(layout, subsets)
    problems += split_problems
    videos = list(dict.fromkeys(video for ids in splits.values() for video in ids))
    # Without a usable class list every label would be unknown: one problem is enough.
    headers, header_problems = _read_all_headers(layout, videos)
    shapes = {video: frames_and_channels(header.shape, layout.data.time_axis) for video, header in headers.items()}
    times, time_problems = read_times({video: layout.feature_file(video) for video in headers}, shapes)
    told = (layout, videos, class_ids or None, times)
    labels, label_problems, label_notes = (_read_segment_labels if layout.segment_file else _read_frame_labels)(*told)
    problems += label_problems + header_problems + time_problems
    lengths, shape_problems, feature_dim = _compare(layout, headers, labels)
    problems += shape_problems
    heading = None if problems else heading_of(labels)
    notes = () if problems else length_notes(lengths, "" if heading is None else class_names[heading])
    return DatasetIndex(
        layout, class_names, splits, labels, headers, feature_dim, (*label_notes, *notes), times
    ), problems


def _read_frame_labels(layout, videos, class_ids, times):
    """(labels, problems, notes) of label files."""
    labels, problems = _read_all_labels(layout, videos, class_ids)
    labels, notes = labels_of_frames(labels, times)
    return labels, problems, notes


def _read_segment_labels(layout, videos, class_ids, times):
    """(labels, problems, notes) of the table of segments."""
    if not times:
        found = "segments in seconds, and no .json beside the features that says where they lie in time"
        expected = "make them with --mode extract, or label files with python -m data_pipelines.convert_labels"
        return {}, [Problem(str(layout.segment_file), 0, found, expected)], ()
    background = next(map(int, layout.data.background_ids), None)
    found = labels_of_segments(layout.segment_file, videos, times, class_ids or {}, background)
    return found.labels, found.problems, found.notes


def _background_problems(layout, class_names):
    wrong = [int(i) for i in layout.data.background_ids if class_names and not 0 <= i < len(class_names)]
    expected = f"expected ids from 0 to {len(class_names) - 1} in config.data.background_ids"
    return [Problem(str(layout.mapping_file), 0, f"no class for background id {i}", expected) for i in wrong]


def _read_splits(layout, subsets):
    splits, problems, known = {}, [], layout.stored_videos()
    for subset in subsets:
        path = layout.split_files[subset]
        splits[subset], found = map(tuple, read_split(path, known))
        if found and found[0].found == "file is missing":
            others = layout.other_splits(subset)
            there = f"splits that exist: {', '.join(others)}" if others else "check config.data.split"
            found = (Problem(str(path), 0, f"file is missing ({subset} list of split {layout.data.split!r})", there),)
        problems += found
    subsets = list(splits)
    for second in subsets[1:]:
        for first in subsets[: subsets.index(second)]:
            # The same list twice is a choice (e.g. validation = test); one video in two lists is a slip.
            if layout.split_files[first] != layout.split_files[second]:
                problems += _overlap(layout, splits, first, second)
    return splits, problems


def _overlap(layout, splits, first, second):
    known = set(splits[first])
    path = layout.split_files[second]
    return [
        Problem(str(path), 0, f"video {video!r} is in the {first} list too", "expected every video in one list")
        for video in splits[second]
        if video in known
    ]


def _read_all_labels(layout, videos, class_ids):
    if reason := why_no_folder(layout.label_dir):
        return {}, [Problem(str(layout.label_dir), 0, f"folder of label files {reason}", "see config.data.label_dir")]
    labels, problems, alike = {}, Problems(layout.label_dir, _MAX_PROBLEMS), collections.Counter()
    taken = {layout.label_file(video).name for video in videos}
    folder = HintedFolder(layout.label_dir, ".txt", "expected one .txt file per video of the split lists", taken)
    for video in _progress(videos, "labels"):
        labels[video], found = read_labels(layout.label_file(video), class_ids or {})
        if class_ids is None:
            found = [problem for problem in found if "unknown label" not in problem.found]
        if not labels[video].size:
            del labels[video]
        alike.update(problem.expected for problem in found if problem.expected in ADVICE)
        problems.extend(folder.hint(problem) for problem in found if alike[problem.expected] <= _MAX_ALIKE)
    for advice, number in alike.items():
        if number > _MAX_ALIKE:
            found = f"{count(number - _MAX_ALIKE, 'more label file')} of this form"
            problems.add(str(layout.label_dir), 0, found, advice)
    return labels, group_alike(problems.listed(), layout.label_dir)


def _read_all_headers(layout, videos):
    if reason := why_no_folder(layout.feature_dir):
        expected = "see config.data.feature_dir"
        return {}, [Problem(str(layout.feature_dir), 0, f"folder of feature files {reason}", expected)]
    headers, problems = {}, Problems(layout.feature_dir, _MAX_PROBLEMS)
    taken = {layout.feature_file(video).name for video in videos}
    folder = HintedFolder(layout.feature_dir, ".npy", "expected one .npy file per video of the split lists", taken)
    for video in _progress(videos, "features"):
        path = layout.feature_file(video)
        try:
            headers[video] = read_header(path)
        except FeatureFileError as error:
            problems.extend([folder.hint(Problem(str(path), 0, str(error)))])
    return headers, problems.listed()


def _compare(layout, headers, labels):
    """Checks orientation, lengths and widths against the labels and each other.

    Returns (lengths as in `lengths.py` of the videos with both files, problems, width).
    """
    swapped = set(_swapped(layout, headers, labels))
    shapes = {
        video: frames_and_channels(header.shape, layout.data.time_axis)
        for video, header in headers.items()
        if video not in swapped
    }
    widths = {video: width for video, (_, width) in shapes.items()}
    lengths = {video: (frames, len(labels[video])) for video, (frames, _) in shapes.items() if video in labels}
    copied, problems = copy_problems(layout, lengths, labels)
    problems += length_problems(layout, {video: pair for video, pair in lengths.items() if video not in copied})
    problems += _orientation_problems(layout, headers, labels, [video for video in headers if video in swapped])
    if not widths:
        return lengths, problems, 0
    [(common, alike)] = collections.Counter(widths.values()).most_common(1)
    for video, width in widths.items():
        if width != common:
            expected = f"expected {common}, as in {alike} of {count(widths, 'file')}"
            problems.append(Problem(str(layout.feature_file(video)), 0, count(width, "channel"), expected))
    return lengths, problems, common


def _swapped(layout, headers, labels):
    """Videos whose feature file seems to have its axes the other way round than `time_axis` says."""
    beyond, closer, widths = [], [], set()
    for video in headers.keys() & labels.keys():
        frames, width = frames_and_channels(headers[video].shape, layout.data.time_axis)
        gap, other_gap = abs(frames - len(labels[video])), abs(width - len(labels[video]))
        widths.add(width)
        if other_gap < gap:
            closer.append(video)
        if other_gap <= layout.data.length_tolerance < gap:
            beyond.append(video)
    # Videos so short that every mismatch is within the tolerance: as a whole they still give themselves away.
    if len(closer) == len(headers) and len(widths) > 1:
        beyond = closer
    return [video for video in headers if video in beyond]


def _orientation_problems(layout, headers, labels, swapped):
    other = "first" if layout.data.time_axis == "last" else "last"
    if not swapped:
        return []
    if len(swapped) == len(headers):
        example = swapped[0]
        files = f"all {len(swapped)} feature files have their" if len(swapped) > 1 else "the feature file has its"
        found = (
            f"{files} axes the other way round (e.g. {example}.npy has shape "
            f"{headers[example].shape} for {count(labels[example], 'label')})"
        )
        return [Problem(str(layout.feature_dir), 0, found, f'set config.data.time_axis="{other}"')]
    problems = []
    for video in swapped:
        found = f"shape {headers[video].shape} for {count(labels[video], 'label')}: axes the other way round"
        expected = f'transpose this file (config.data.time_axis="{other}" would apply to all)'
        problems.append(Problem(str(layout.feature_file(video)), 0, found, expected))
    return problems


def _progress(videos, what):
    """A progress bar on a terminal, nothing otherwise; short datasets are done before it shows."""
    return tqdm(videos, desc=f"Checking {what}", unit="video", disable=None, leave=False, delay=1.0)
