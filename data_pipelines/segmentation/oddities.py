"""What is contradictory or odd in a dataset whose files are sound one by one: lists, classes and features together."""

import collections

import numpy as np

from data_pipelines.core.copies import copies_note
from data_pipelines.core.feature_files import FeatureFileError, read_blocks
from data_pipelines.core.finite import constant_note, never_changes
from data_pipelines.core.problems import Problem
from data_pipelines.core.wording import count, name_some
from data_pipelines.segmentation.class_oddities import class_notes, mapping_notes
from data_pipelines.segmentation.label_oddities import label_notes, one_class_notes
from data_pipelines.segmentation.list_oddities import list_notes, unread_notes
from fact_jax.files import sha256_of
from fact_jax.ops.resampling import downsample_labels
from fact_jax.ops.segments import frames_to_segments
from fact_jax.types import UserError

# Bytes of a feature file by which it is told from others, before whole files are compared.
_START_BYTES = 2**12


def find_oddities(index, data, transcripts=None):
    """(problems, notes) of a DatasetIndex without problems.

    `data` are its settings, with the background classes, `transcripts` those given of evaluated videos, by video id.
    """
    present = {subset: _classes_of(index, videos) for subset, videos in index.splits.items()}
    problems = _without_actions(index, data, present)
    labels = {video: index.common_labels(video) for video in index.labels}
    constant, unreadable = _feature_notes(index)
    notes = [
        *index.notes,
        *list_notes(index, data),
        *unread_notes(index, data),
        *class_notes(index, data, present),
        *_segment_notes(index, data, transcripts or {}),
        *label_notes(labels),
        *one_class_notes(labels, index.class_names, data.background_ids),
        *constant,
        *mapping_notes(index.layout),
    ]
    return problems + unreadable, tuple(notes)


def _classes_of(index, videos):
    """Ids of the classes that occur in the common frames of some videos."""
    return {int(i) for video in videos for i in np.unique(index.common_labels(video))}


def _without_actions(index, data, present):
    """Lists that hold nothing but background, which has no score."""
    if data.evaluate_background:
        return []
    background = set(data.background_ids)
    names = ", ".join(index.class_names[i] for i in sorted(background) if i < len(index.class_names))
    expected = "expected actions; see config.data.background_ids and evaluate_background"
    return [
        Problem(
            str(index.layout.split_files[subset]),
            0,
            f"no {subset} video has anything but background ({names})",
            expected,
        )
        for subset, ids in present.items()
        if ids <= background
    ]


def _segment_notes(index, data, transcripts):
    """Lines about segments that no sampled frame shows, and about transcripts that say something else than labels."""
    notes, other = [], []
    lost, total = collections.Counter(), 0
    for subset, videos in index.splits.items():
        for video in videos:
            labels = index.common_labels(video)
            segments = frames_to_segments(labels)[0]
            if subset != "train" and video in transcripts and not np.array_equal(segments, transcripts[video]):
                other.append(video)
            if subset == "train" and data.sample_rate > 1:
                total += len(segments)
                lost.update(_lost_segments(labels, data.sample_rate))
    if other:
        notes.append(
            f"transcripts of {count(other, 'video')} differ from the order of their labels: {name_some(other)}"
        )
    if lost:
        most = [f"{index.class_names[i]} {number}" for i, number in lost.most_common()]
        rate = f"config.data.sample_rate={data.sample_rate}"
        what = f"{lost.total()} of {count(total, 'training segment')} too short for {rate}, never learned"
        notes.append(f"{what}: {name_some(most)}")
    return notes


def _lost_segments(labels, sample_rate):
    """Class id of every segment of labels [N] that no label of the lower rate shows."""
    sampled = downsample_labels(labels, sample_rate)
    for label, start, end in zip(*frames_to_segments(labels), strict=True):
        if label not in sampled[start // sample_rate : -(-end // sample_rate)]:
            yield int(label)


def _feature_notes(index):
    """(lines, problems) about features that are the same in every frame of a video, or those of another video."""
    constant, starts, problems = [], {}, []
    for video, header in index.headers.items():
        path = index.layout.feature_file(video)
        try:
            if never_changes(path, header, index.layout.data.time_axis):
                constant.append(video)
            _, _, start = next(read_blocks(path, header, num_bytes=_START_BYTES))
            starts[video] = (header.shape, header.dtype, start.tobytes())
        except FeatureFileError as error:
            problems.append(Problem(str(path), 0, str(error)))
    copies = _copies(index, {video: start for video, start in starts.items() if video not in constant})
    return [*constant_note(constant), *copies], problems


def _copies(index, starts):
    """The line, if any, about videos whose features are those of another, of which `starts` are the same as well."""
    alike = collections.Counter(starts.values())
    contents = {}
    for video in (video for video, start in starts.items() if alike[start] > 1):
        try:
            contents[video] = sha256_of(index.layout.feature_file(video))
        except OSError as error:
            raise UserError(f"{error.filename}: {error.strerror}. It was there when the data was read.") from error
    return copies_note(contents, index.splits)
