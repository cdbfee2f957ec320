"""What is odd about the lists of videos of a dataset, and about files that no list names."""

import os

from data_pipelines.core.feature_times import times_path
from data_pipelines.core.names import alike_lines
from data_pipelines.core.unread_files import unread_lines
from data_pipelines.core.wording import count, name_some
from data_pipelines.segmentation.annotations import read_split
from fact_jax.files import why_no_folder

# Names of split lists, training and test, in the order they are looked for.
SPLIT_PATTERNS = (
    ("splits/train.{split}.bundle", "splits/test.{split}.bundle"),
    ("{split}.train", "{split}.test"),
    ("splits/{split}.train", "splits/{split}.test"),
    ("splits/train.{split}.txt", "splits/test.{split}.txt"),
    ("splits/train.bundle", "splits/test.bundle"),
    ("splits/train.txt", "splits/test.txt"),
    ("train.{split}.bundle", "test.{split}.bundle"),
    ("train.txt", "test.txt"),
)
# A list of videos is no longer.
_MAX_LIST_BYTES = 2**24


def list_notes(index, data):
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
        notes += alike_lines(files[subset], "videos", {video: number for number, video in enumerate(videos, 1)})
    notes += _other_pairs(layout, index.splits)
    if has_all_lists(index, data) and not layout.segment_file and not why_no_folder(layout.label_dir):
        listed = {f"{video}.txt" for videos in index.splits.values() for video in videos}
        others = sorted(name for name in os.listdir(layout.label_dir) if name.endswith(".txt") and name not in listed)
        if others:
            what = f"{count(others, 'label file')} of {layout.label_dir} left out, in no list: {name_some(others)}"
            notes.append(what + _other_list(layout, {name.removesuffix(".txt") for name in others}))
    return notes


def unread_notes(index, data):
    """Lines about files beside the labels and the features that nobody reads."""
    layout, own = index.layout, [index.layout.mapping_file, *index.layout.split_files.values()]
    own += filter(None, [*layout.verb_noun_files, layout.segment_file])
    own += [times_path(path) for path in layout.feature_dir.glob("*.npy")]
    kinds = {}
    for folder, suffix in ((layout.feature_dir, ".npy"), (layout.label_dir, ".txt")):
        kinds.setdefault(folder.resolve(), (folder, []))[1].append(suffix)
    for folder, suffixes in kinds.values():
        yield from unread_lines([folder], suffixes, own)
    if has_all_lists(index, data):
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
        if not _is_list(file):
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


def _other_pairs(layout, splits):
    """Lines about lists beside those of the settings, of the same split, that divide the videos in another way."""
    own = (layout.data.train_split_file, layout.data.test_split_file)
    # Whoever names lists of another kind has looked for them.
    for pair in SPLIT_PATTERNS if own in SPLIT_PATTERNS else ():
        files = [layout.root / name.replace("{split}", layout.data.split) for name in pair]
        used = [layout.split_files["train"], layout.split_files["test"]]
        if files == used or not all(map(_is_list, files)):
            continue
        there = [set(read_split(file)[0]) for file in files]
        here = [set(splits.get(subset, listed)) for subset, listed in zip(("train", "test"), there, strict=True)]
        if all(there) and here != there:
            changed = sorted((here[0] & there[1]) | (here[1] & there[0]))
            sides = f" ({count(changed, 'video')} trained with by one, tested on by the other)" if changed else ""
            yield (
                f"{files[0]} and {files[1]} list other videos than {used[0].name} and {used[1].name} of "
                f"{used[0].parent}, which are used{sides}: config.data.train_split_file and test_split_file name those "
                "that are meant; move the others away"
            )


def _is_list(file):
    """Whether this can be a list of videos."""
    return file.is_file() and file.stat().st_size <= _MAX_LIST_BYTES


def has_all_lists(index, data):
    """Whether all lists of the settings were read."""
    return set(index.splits) == set(data.split_files)
