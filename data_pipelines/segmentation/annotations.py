"""Parsers of the text files of a segmentation dataset: class mapping, frame labels and split lists.

Every parser returns what it could read together with the problems it met, so that a dataset's faults can be reported
all at once. A blank line in the middle of a file is a problem, because it shifts what follows.

A file that is something else altogether (a table, a binary file) gives a few problems and a count, not a million of
them.
"""

import numpy as np

from data_pipelines.core.names import why_no_class, why_no_video
from data_pipelines.core.problems import Problem, Problems
from data_pipelines.core.text_files import QUOTE_LIMIT, is_id, other_unicode_form, quote, read_lines
from data_pipelines.core.video_names import other_form as other_form_of_name
from data_pipelines.core.wording import count
from data_pipelines.segmentation.label_forms import FRAME_FORMS, other_form, why_unknown
from fact_jax.types import nearest

# Bytes of a video's name: file systems take 255, with the ending of its files.
_MAX_VIDEO_NAME = 250
_MAX_UNKNOWN = 10


def read_mapping(path):
    """Reads the class list: one `<id> <name>` per line; a name may contain spaces.

    Returns ({class name: id} of every well-formed line, problems). Without problems, the ids are 0..C-1, each once.
    """
    lines, unreadable = read_lines(path)
    if unreadable:
        return {}, unreadable
    if not lines:
        return {}, [Problem(str(path), 0, "no classes", "expected one '<id> <class name>' per line")]
    problems = Problems(path)
    class_ids, line_of_id, line_of_name = {}, {}, {}
    for number, line in enumerate(lines, 1):
        text, name = (line.split(None, 1) + ["", ""])[:2]
        if not (is_id(text) and name):
            problems.add(str(path), number, quote(line), "expected '<id> <class name>'")
            continue
        if why := why_no_class(name):
            problems.add(str(path), number, f"{why}: {quote(name)}", "expected '<id> <class name>'")
            continue
        class_id = int(text)
        if class_id in line_of_id:
            problems.add(str(path), number, f"class id {class_id} again", f"first on line {line_of_id[class_id]}")
        if name in line_of_name:
            found = f"class name {quote(name)} again"
            problems.add(str(path), number, found, f"first on line {line_of_name[name]}")
        line_of_id.setdefault(class_id, number)
        line_of_name.setdefault(name, number)
        class_ids.setdefault(name, class_id)
    if not problems.listed():
        for class_id, number in line_of_id.items():
            if class_id >= len(lines):
                expected = f"expected the ids 0 to {len(lines) - 1}, each once"
                problems.add(str(path), number, f"class id {class_id} of {count(lines, 'class')}", expected)
    return class_ids, problems.listed()


def read_labels(path, class_ids):
    """Reads the frame labels of one video, one class name per line: (int32 [N], -1 for an unknown name; problems).

    An unknown name is reported once per file, at its first line; of more than ten unknown names the others are counted.
    A file of another form (ids, segments, ...) is one problem; there are no labels where its lines are no frames.
    """
    lines, problems = read_lines(path)
    if not lines and not problems:
        problems.append(Problem(str(path), 0, "no labels", "expected one class name per frame"))
    if form := other_form(path, lines, class_ids):
        return np.full(len(lines) if form.expected in FRAME_FORMS else 0, -1, np.int32), [form]
    labels = np.fromiter((class_ids.get(line, -1) for line in lines), np.int32, len(lines))
    unknown = {}
    for index in np.flatnonzero(labels < 0):
        first, before = unknown.get(lines[index], (index + 1, 0))
        unknown[lines[index]] = (int(first), before + 1)
    for name, (number, alike) in list(unknown.items())[:_MAX_UNKNOWN]:
        times = f" ({alike} lines)" if alike > 1 else ""
        if not name:
            problems.append(Problem(str(path), number, f"blank line{times}", "expected a class name"))
            continue
        guess = nearest(name[:QUOTE_LIMIT], class_ids)
        expected = f"the nearest class is {quote(guess)}{other_unicode_form(name, guess)}"
        expected = why_unknown(name, class_ids) or (expected if guess else "expected a name of the class list")
        problems.append(Problem(str(path), number, f"unknown label {quote(name)}{times}", expected))
    if len(unknown) > _MAX_UNKNOWN:
        found = f"{len(unknown) - _MAX_UNKNOWN} more unknown labels"
        problems.append(Problem(str(path), 0, found, "expected one class name per frame"))
    return labels, problems


def read_split(path, known=()):
    """Reads a list of videos, one id per line, with or without ".txt": (ids in file order, each once; problems).

    A line that is none of the `known` videos and has their names in another form, such as "v1.mp4" or "v1,v2", is a
    problem.
    """
    lines, unreadable = read_lines(path)
    if unreadable:
        return [], unreadable
    if not lines:
        return [], [Problem(str(path), 0, "no videos", "expected one video name per line")]
    problems, line_of = Problems(path), {}
    for number, line in enumerate(lines, 1):
        video_id = line.removesuffix(".txt")
        if not video_id:
            problems.add(str(path), number, "blank line", "expected a video name")
        elif "/" in video_id or "\\" in video_id or video_id in (".", ".."):
            problems.add(str(path), number, quote(line), "expected a video name without folders")
        elif why := why_no_video(video_id):
            problems.add(str(path), number, f"{why}: {quote(line)}", "expected a video name")
        elif other := other_form_of_name(video_id, known):
            problems.add(str(path), number, *other)
        elif (size := len(video_id.encode())) > _MAX_VIDEO_NAME:
            found = f"a name of {size} bytes, {quote(line)}"
            problems.add(str(path), number, found, f"expected a video name of at most {_MAX_VIDEO_NAME}")
        elif video_id in line_of:
            problems.add(str(path), number, f"video {quote(video_id)} again", f"first on line {line_of[video_id]}")
        else:
            line_of[video_id] = number
    return list(line_of), problems.listed()
