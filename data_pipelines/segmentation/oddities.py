"""What is contradictory or odd in a dataset whose files are sound one by one: lists, classes and features together."""

import collections
import os
import unicodedata

import numpy as np

from data_pipelines.core.copies import copies_note
from data_pipelines.core.feature_files import FeatureFileError, read_blocks
from data_pipelines.core.finite import constant_note, never_changes
from data_pipelines.core.names import means_background, with_slips
from data_pipelines.core.problems import Problem
from data_pipelines.core.text_files import quote, read_lines
from data_pipelines.core.unread_files import unread_lines
from data_pipelines.core.wording import count, name_some, verb
from data_pipelines.segmentation.annotations import read_split
from data_pipelines.segmentation.label_oddities import label_notes
from data_pipelines.segmentation.verb_nouns import KINDS
from fact_jax.files import sha256_of, why_no_folder
from fact_jax.ops.resampling import downsample_labels
from fact_jax.ops.segments import frames_to_segments
from fact_jax.types import UserError

# Bytes of a feature file by which it is told from others, before whole files are compared.
_START_BYTES = 2**12
# A list of videos is no longer.
_MAX_LIST_BYTES = 2**24


def find_oddities(index, data, transcripts=None):
    """(problems, notes) of a DatasetIndex without problems.

    `data` are its settings, with the background classes, `transcripts` those given of evaluated videos, by video id.
    """
    present = {subset: _classes_of(index, videos) for subset, videos in index.splits.items()}
    problems = _without_actions(index, data, present)
    constant, unreadable = _feature_notes(index)
    notes = [
        *index.notes,
        *_list_notes(index, data),
        *_unread_notes(index, data),
        *_class_notes(index, data, present),
        *_segment_notes(index, data, transcripts or {}),
        *label_notes({video: index.common_labels(video) for video in index.labels}),
        *constant,
        *_mapping_notes(index.layout),
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


def _list_notes(index, data):
    """Lines about the lists of videos."""
    layout, notes = index.layout, []
    files = {subset: layout.split_files[subset] for subset in index.splits}
    if "train" in files:
        same = [subset for subset, file in files.items() if subset != "train" and file == files["train"]]
        notes += [
            f"training and {subset} videos are the same list, so its scores say nothing of new videos"
            for subset in same
        ]
    for subset, videos in index.splits.items():
        notes += _alike(files[subset], "videos", {video: number for number, video in enumerate(videos, 1)})
    if _has_all_lists(index, data) and not why_no_folder(layout.label_dir):
        listed = {f"{video}.txt" for videos in index.splits.values() for video in videos}
        others = sorted(name for name in os.listdir(layout.label_dir) if name.endswith(".txt") and name not in listed)
        if others:
            what = f"{count(others, 'label file')} of {layout.label_dir} left out, in no list: {name_some(others)}"
            notes.append(what + _other_list(layout, {name.removesuffix(".txt") for name in others}))
    return notes


def _unread_notes(index, data):
    """Lines about files beside the labels and the features that nobody reads."""
    layout, own = index.layout, [index.layout.mapping_file, *index.layout.split_files.values()]
    own += filter(None, layout.verb_noun_files)
    kinds = {}
    for folder, suffix in ((layout.feature_dir, ".npy"), (layout.label_dir, ".txt")):
        kinds.setdefault(folder.resolve(), (folder, []))[1].append(suffix)
    for folder, suffixes in kinds.values():
        yield from unread_lines([folder], suffixes, own)
    if _has_all_lists(index, data):
        listed = {video for videos in index.splits.values() for video in videos}
        # Those with labels are told with their labels.
        labelled = {path.stem for path in layout.label_dir.glob("*.txt")}
        others = sorted({path.stem for path in layout.feature_dir.glob("*.npy")} - listed - labelled)
        if others:
            of = f"{count(others, 'feature file')} of {layout.feature_dir}"
            yield f"{of} left out, in no list and without labels: {name_some(others)}"


def _other_list(layout, left_out):
    """What to add where a list beside those of the settings names videos that are in none of them, or ""."""
    files = list(layout.split_files.values())
    for file in sorted({path for known in files for path in known.parent.glob(f"*{known.suffix}")}.difference(files)):
        if not file.is_file() or file.stat().st_size > _MAX_LIST_BYTES:
            continue
        videos, problems = read_split(file)
        if problems or not videos or not left_out.issuperset(videos):
            continue
        name = file.relative_to(layout.root).as_posix().replace(layout.data.split, "{split}")
        named = f". {file} lists {len(videos)} of them, and no setting names it"
        if not layout.data.validation_split_file and file.name.startswith("val"):
            return (
                f'{named}: config.data.validation_split_file="{name}" evaluates them, and chooses checkpoints by them'
            )
        return f"{named} (config.data.train_split_file, test_split_file, validation_split_file)"
    return ""


def _has_all_lists(index, data):
    return set(index.splits) == set(data.split_files)


def _class_notes(index, data, present):
    """Lines about classes that lists do not share, and about videos without any action."""
    notes, background = _background_notes(index.class_names, data), set(data.background_ids)
    names = index.class_names
    single = {subset: min(ids) for subset, ids in present.items() if len(ids) == 1}
    notes += [f"all {subset} labels are of one class, {quote(names[only])}" for subset, only in single.items()]
    nowhere = sorted(set(range(len(names))).difference(*present.values()))
    if nowhere and _has_all_lists(index, data):
        notes.append(f"{count(nowhere, 'class')} of {len(names)} in no video: {name_some(names[i] for i in nowhere)}")
    for subset, ids in present.items():
        unseen = sorted(ids - present.get("train", ids))
        if unseen:
            what = f"{count(unseen, 'class')} of the {subset} videos in no training video"
            learned = [names[i] for i in present["train"]]
            notes.append(f"{what}, cannot be learned: {name_some(with_slips([names[i] for i in unseen], learned))}")
        videos = index.splits[subset]
        idle = [video for video in videos if set(np.unique(index.common_labels(video)).tolist()) <= background]
        if idle and len(idle) < len(videos) and background and not data.evaluate_background:
            of = f"{len(idle)} of {count(videos, f'{subset} video')} {verb(idle, 'have')}"
            notes.append(f"{of} nothing but background: {name_some(idle)}")
    return notes


def _background_notes(names, data):
    """The line, if any, about classes that count as background and are not called so."""
    counted = [i for i in data.background_ids if 0 <= i < len(names)]
    wrong = [f"{quote(names[i])} ({i})" for i in counted if not means_background(names[i])]
    meant = [f"{quote(name)} ({i})" for i, name in enumerate(names) if means_background(name) and i not in counted]
    if not wrong:
        return []
    setting = f"config.data.background_ids={tuple(map(int, data.background_ids))}"
    if meant:
        found = f"{name_some(wrong)} as background, and {name_some(meant)} as an action"
        return [f"{setting} counts {found}: is that meant?"]
    if data.evaluate_background or len(wrong) < len(counted):
        return []
    counts = f"{setting} counts {name_some(wrong)} as background, which Acc, Edit and F1 then leave out"
    return [f'{counts}; "()" there counts no class so']


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


def _mapping_notes(layout):
    """Lines about the class list and those of verbs and nouns."""
    notes, files = [], {"classes": layout.mapping_file}
    files |= {f"{kind}s": file for kind, file in zip(KINDS, layout.verb_noun_files, strict=True) if file}
    for what, file in files.items():
        rows = [line.split(None, 1) for line in read_lines(file)[0]]
        notes += _alike(file, what, {name: number for number, (_, name) in enumerate(rows, 1)})
        if what != "classes" and any(int(text) != number for number, (text, _) in enumerate(rows)):
            notes.append(
                f"{file}: ids are not 0, 1, 2, ...; as published, the lines count: {what} are numbered by them"
            )
    return notes


def _alike(path, what, line_of):
    """Lines about names of one file that differ in capitals, spaces or Unicode form only."""
    groups = collections.defaultdict(list)
    for name in line_of:
        groups[" ".join(unicodedata.normalize("NFC", name).casefold().split())].append(name)
    return [
        f"{path}, lines {', '.join(str(line_of[name]) for name in names)}: the {what} {', '.join(map(quote, names))} "
        "differ in capitals, spaces or Unicode form only; they are taken for different ones"
        for names in groups.values()
        if len(names) > 1
    ]
