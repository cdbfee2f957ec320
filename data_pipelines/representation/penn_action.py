"""Makes a PennAction folder, as configs/carl_penn_action.py takes it, of the published images and labels of phases.

    python -m data_pipelines.representation.penn_action FOLDER --frames Penn_Action/frames --labels LABELS

Penn_Action/frames has a folder of images for every video, LABELS has train/ACTION/VIDEO.npy and val/ACTION/VIDEO.npy, a
phase for every frame, where VIDEO begins with the four digits of the folder. FOLDER gets train.json, val.json, and
videos/ with frames of 224 x 224 pixels, whatever their shape was, as JPEG of quality 95. The published TFRecords hold
the same, and are not needed. Where a video has more frames than labels, or fewer, the longer of the two is thinned out
evenly, as published.

Source: minghchen/CARL_code at 7e0a47a, dataset_preparation/penn_action_to_tfrecords.py.
"""

import dataclasses
import io
import json
import pathlib
import shlex

import numpy as np
from PIL import Image
from tqdm import tqdm

from data_pipelines.core import command_line
from data_pipelines.core.feature_files import FeatureFileError
from data_pipelines.core.number_files import read_numbers
from data_pipelines.core.problems import Problem, refuse
from data_pipelines.core.wording import count, name_some
from data_pipelines.representation.listing import NO_PHASE
from data_pipelines.representation.published import PENN_ACTIONS
from data_pipelines.video.errors import VideoError
from data_pipelines.video.image_folder import ImageFolder
from data_pipelines.video.pixels import as_float, resize
from fact_jax.files import atomic_write_bytes, atomic_write_text, why_no_folder
from fact_jax.types import nearest

SUBSETS = ("train", "val")
# Of the 15 actions of PennAction these have no phases; the published lists leave them out.
WITHOUT_PHASES = ("jump_rope", "strum_guitar")
_NUM_VIDEOS = {"train": 1140, "val": 966}
_SIZE, _QUALITY = (224, 224), 95
_AT_ONCE = 16
_DIGITS = 4  # of the name of a video


@dataclasses.dataclass(frozen=True)
class _Video:
    """A video with the frames [N] that are kept of it, and their phases, int64 [N]."""

    name: str
    action: str
    frames: ImageFolder
    numbers: np.ndarray
    phases: np.ndarray


def main(argv=None):
    """Runs the tool; returns 0."""
    parser = command_line.parser(
        "data_pipelines.representation.penn_action", __doc__, "Exit code: 0 written, 2 not: all problems are told."
    )
    parser.add_argument("folder", help="new folder to write")
    parser.add_argument("--frames", required=True, metavar="FOLDER", help="folder with a folder of images per video")
    parser.add_argument("--labels", required=True, metavar="FOLDER", help="train/ACTION/VIDEO.npy and val/ACTION/...")
    arguments = parser.parse_args(argv)
    folder = command_line.new_folder(arguments.folder)
    found, lines = find(pathlib.Path(arguments.frames).expanduser(), pathlib.Path(arguments.labels).expanduser())
    for line in lines:
        print(line)
    with command_line.writing(folder):
        for subset, videos in found.items():
            for video in tqdm(videos, desc=f"Writing {subset} videos", disable=None, leave=False):
                _write_frames(folder / "videos" / video.name, video)
            atomic_write_text(folder / f"{subset}.json", json.dumps(_index(videos)) + "\n")
    print(f"{count(sum(map(len, found.values())), 'video')}: {folder}")
    settings = {"dir": folder, "train_list": "train.json", "test_list": "val.json"}
    options = [f"--config.data.{name}={value}" for name, value in settings.items()]
    command = [
        "python",
        "main.py",
        "--config",
        "configs/carl_penn_action.py",
        *options,
        "--workdir",
        "runs/penn_action",
    ]
    print("  " + shlex.join(command))
    return 0


def find(frames, labels):
    """({subset: _Videos by action}, lines); a UserError names all problems of the folders."""
    problems, lines, found = [], [], {}
    for place in (frames, *(labels / subset for subset in SUBSETS)):
        if reason := why_no_folder(place):
            problems.append(Problem(str(place), 0, f"it {reason}", "expected a folder"))
    refuse("PennAction", problems)
    for subset in SUBSETS:
        actions = {path.name for path in (labels / subset).iterdir() if path.is_dir()}
        for name in sorted(actions - PENN_ACTIONS.keys() - {*WITHOUT_PHASES}):
            near = nearest(name, PENN_ACTIONS)
            hint = f"did you mean {near!r}?" if near else f"expected {name_some(PENN_ACTIONS, 20)}"
            problems.append(Problem(str(labels / subset / name), 0, "no action of PennAction with phases", hint))
        left_out = [name for name in WITHOUT_PHASES if name in actions]
        if left_out:
            lines.append(f"{subset}: left out, as published: {' and '.join(left_out)}")
        paths = [(name, path) for name in PENN_ACTIONS for path in sorted((labels / subset / name).glob("*.npy"))]
        read = [_read(action, path, frames, num_phases=PENN_ACTIONS[action]) for action, path in paths]
        found[subset] = [video for video, _ in read if video]
        problems += [problem for _, problem in read if problem]
        if len(paths) != _NUM_VIDEOS[subset]:
            lines.append(f"{subset}: {count(paths, 'video')}; published are {_NUM_VIDEOS[subset]}")
        if cut := [video.name for video in found[subset] if len(video.numbers) != len(video.frames)]:
            lines.append(f"{subset}: fewer labels than frames, which are thinned out: {name_some(cut)}")
    names = [video.name for videos in found.values() for video in videos]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(Problem(str(labels), 0, f"labels of {name!r} are there twice", "expected every video once"))
    if not (names or problems):
        problems.append(Problem(str(labels), 0, "no labels", "expected train/ACTION/VIDEO.npy"))
    refuse("PennAction", problems)
    return found, lines


def _read(action, path, frames, num_phases):
    """(_Video or None, Problem or None) of a file of labels."""
    try:
        phases = read_numbers(path)
    except FeatureFileError as error:
        return None, Problem(str(path), 0, str(error))
    whole = phases.ndim == 1 and phases.size and phases.dtype.kind in "iuf" and (phases == np.rint(phases)).all()
    if not whole or phases.min() < NO_PHASE or phases.max() >= num_phases:
        found = f"an array {phases.shape} of {phases.dtype}"
        found += f" from {phases.min():g} to {phases.max():g}" if phases.size and phases.dtype.kind in "iuf" else ""
        return None, Problem(str(path), 0, found, f"expected a phase of 0 to {num_phases - 1} for every frame")
    try:
        images = ImageFolder(frames / path.stem[:_DIGITS])
    except VideoError as error:
        return None, error.problem
    numbers, places = matched(len(images), len(phases))
    return _Video(path.stem[:_DIGITS], action, images, numbers, phases[places].astype(np.int64)), None


def matched(num_frames, num_labels):
    """(numbers of frames, numbers of labels), int64 [shorter] each: those of the longer one evenly, rounded down."""
    shorter = np.arange(min(num_frames, num_labels))
    return tuple(shorter * number // len(shorter) for number in (num_frames, num_labels))


def _write_frames(folder, video):
    number = 0
    for batch in video.frames.batches(video.numbers, _AT_ONCE):
        for frame in batch:
            number += 1
            buffer = io.BytesIO()
            pixels = np.rint(resize(as_float(frame[None]), *_SIZE)[0] * 255).astype(np.uint8)
            Image.fromarray(pixels).save(buffer, "JPEG", quality=_QUALITY)
            atomic_write_bytes(folder / f"{number:06d}.jpg", buffer.getvalue())


def _index(videos):
    """(list of videos, places of those of every action) in the published form, of nothing but built-in types."""
    actions = list(PENN_ACTIONS)
    rows = [
        {
            "id": place,
            "name": f"{video.name}_{video.action}",
            "video_file": f"videos/{video.name}",
            "seq_len": len(video.phases),
            "frame_label": video.phases.tolist(),
            "action_label": actions.index(video.action),
        }
        for place, video in enumerate(videos)
    ]
    return rows, [[row["id"] for row in rows if row["action_label"] == number] for number in range(len(actions))]


if __name__ == "__main__":
    command_line.run(main)
