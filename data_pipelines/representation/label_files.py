"""Label files of your own folder: a phase for every frame, or segments in seconds."""

from data_pipelines.core.feature_files import FeatureFileError
from data_pipelines.core.names import why_no_class
from data_pipelines.core.number_files import read_numbers
from data_pipelines.core.problems import Problem, Problems
from data_pipelines.core.text_files import read_lines
from data_pipelines.segmentation.segment_files import looks_like_a_segment, read_segments
from fact_jax.files import why_no_folder
from fact_jax.types import nearest

_SUFFIXES = (".txt", ".csv", ".tsv", ".npy")


def read_labels(folder, paths, unlabelled):
    """({video: (path, rows)}, problems) of a folder of label files; `paths` are those of the videos by name.

    Rows are (line, phase), one per frame, or segments with start, end and label, see `segment_files`.
    """
    if not folder.exists():
        return {}, []
    if reason := why_no_folder(folder):
        return {}, [Problem(str(folder), 0, f"it {reason}", "expected a folder with the labels")]
    found, problems = {}, []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.stem not in paths or path.suffix not in _SUFFIXES:
            problems.append(_unread(path, paths))
            continue
        if path.stem in found:
            problems.append(Problem(str(path), 0, "a second file of labels of this video", "remove one of them"))
            continue
        found[path.stem], wrong = _read_array(path, unlabelled) if path.suffix == ".npy" else _read_file(path)
        problems += wrong
    # Of a file without a row that can be read there is a problem already.
    return {video: rows for video, rows in found.items() if rows[1]}, problems


def _read_array(path, unlabelled):
    """((path, rows), problems): rows of (number of the frame from 1, phase), which is called by its number."""
    try:
        labels = read_numbers(path)
    except FeatureFileError as error:
        return (path, []), [Problem(str(path), 0, str(error))]
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not labels.size:
        found = f"an array {labels.shape} of {labels.dtype}"
        return (path, []), [Problem(str(path), 0, found, "expected a whole number for every frame")]
    names = [unlabelled if number < 0 else str(number) for number in labels.tolist()]
    return (path, list(enumerate(names, 1))), []


def _read_file(path):
    """((path, rows), problems): rows of ListedSegment, or of (line, phase)."""
    lines, problems = read_lines(path)
    if problems or not lines:
        return (path, []), problems or [Problem(str(path), 0, "no labels", "expected a phase in every line")]
    if path.suffix == ".txt" and not any(looks_like_a_segment(line) for line in lines[:2]):
        wrong = Problems(path)
        for number, line in enumerate(lines, 1):
            if reason := why_no_class(line):
                wrong.add(str(path), number, reason, "expected the name of a phase in every line")
        return (path, list(enumerate(lines, 1))), wrong.listed()
    table = read_segments(path, video=path.stem)
    problems = list(table.problems)
    if table.unit not in ("", "seconds"):
        problems.append(Problem(str(path), 1, f"times in {table.unit}", "expected seconds"))
    for one, other in zip(table.segments, table.segments[1:], strict=False):
        if other.start < one.end:
            told = f"{other.text} begins before {one.text} ends"
            problems.append(Problem(str(path), other.line, told, "expected segments in order, one phase at a time"))
    return (path, list(table.segments)), problems


def _unread(path, paths):
    """The Problem of what is no file of labels of a video."""
    if path.stem in paths:
        found = "a folder" if path.is_dir() else "labels in a form that is not read"
        return Problem(str(path), 0, found, f"expected {path.stem}{', '.join(_SUFFIXES[:-1])} or {_SUFFIXES[-1]}")
    near = nearest(path.stem, paths)
    hint = f"there is {paths[near].name!r}" if near else "expected NAME.txt for a video"
    return Problem(str(path), 0, "labels of no video", hint)


def name_of(row):
    """The phase of a row."""
    return row[1] if isinstance(row, tuple) else row.label


def stem_of(path):
    """The name of a video: that of a folder, or of a file without its ending."""
    return path.name if path.is_dir() else path.stem
