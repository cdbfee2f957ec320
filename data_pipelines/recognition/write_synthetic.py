"""Writes the drawn clips as files, to try training, prediction and other tools on a folder of clips.

    python -m data_pipelines.recognition.write_synthetic FOLDER

FOLDER gets clips/CLIP.mp4, train.csv and val.csv, as configs/cast_custom.py takes them; with --pairs a verb and a noun
for every clip. With --untrimmed there is one video per list, and its clips have a start and a stop. Frames are
compressed, so that their pixels differ a little from those that configs/cast_synthetic.py draws.
"""

import csv
import io
import itertools
import shlex

import numpy as np
from tqdm import tqdm

from data_pipelines.core import command_line
from data_pipelines.core.wording import count
from data_pipelines.recognition.config import SyntheticClipsConfig
from data_pipelines.recognition.listing import LISTS, VIDEO_DIRS
from data_pipelines.recognition.synthetic import heads, synthetic_clips
from fact_jax.files import atomic_write_text
from fact_jax.mp4 import write_mp4

_MAX_CLIPS = 100_000
_SIZES = range(16, 1025, 2)  # H.264 in the form that is played everywhere has even sizes


def main(argv=None):
    """Runs the tool; returns 0."""
    arguments = _parse(argv)
    folder = command_line.new_folder(arguments.folder)
    spec = SyntheticClipsConfig(
        num_train_videos=arguments.train_clips,
        num_test_videos=arguments.clips,
        size=arguments.size,
        pairs=arguments.pairs,
    )
    with command_line.writing(folder):
        (folder / VIDEO_DIRS[0]).mkdir(parents=True, exist_ok=True)
        for subset, list_name in LISTS.items():
            clips = synthetic_clips(spec, subset)
            write = _write_one_video if arguments.untrimmed else _write_clips
            rows = write(folder / VIDEO_DIRS[0], clips, subset)
            names = [(row, _names(spec, clip)) for row, clip in zip(rows, clips.values(), strict=True)]
            _write_list(folder / list_name, names)
    number = count(spec.num_train_videos + spec.num_test_videos, "clip")
    print(f"{number} of {count(spec.num_frames, 'frame')} of {spec.size} x {spec.size} pixels: {folder}")
    print("to train on them, with the small network of configs/cast_synthetic.py:")
    config = "configs/cast_synthetic_verb_noun.py" if spec.pairs else "configs/cast_synthetic.py"
    settings = {"dataset": "mine", "reader": "videos", "dir": folder, "augmentation.size": spec.size}
    options = [f"--config.data.{name}={value}" for name, value in settings.items()]
    print("  " + shlex.join(["python", "main.py", "--config", config, *options, "--workdir", "runs/own"]))
    return 0


def _write_clips(folder, clips, subset):
    """Writes a file per clip; yields {column: value} of where each is."""
    for name, clip in tqdm(clips.items(), desc=f"Writing {subset} clips", disable=None, leave=False):
        write_mp4(folder / f"{name}.mp4", clip.frames(range(len(clip))), clip.times, clip.size)
        yield {"video": name}


def _write_one_video(folder, clips, subset):
    """Writes all clips into one file, one after the other; yields {column: value} of where each is."""
    entries = list(clips.values())
    lengths = np.cumsum([0, *map(len, entries)])
    frames = itertools.chain.from_iterable(clip.frames(range(len(clip))) for clip in entries)
    write_mp4(folder / f"{subset}.mp4", frames, np.arange(lengths[-1]) / entries[0].rate, entries[0].size)
    # A frame begins at its time: a clip starts a little before, and stops a little before the next one.
    for first, end in itertools.pairwise((lengths - 0.5) / entries[0].rate):
        yield {"video": subset, "start": f"{max(first, 0):.3f}", "stop": f"{end:.3f}"}


def _names(spec, clip):
    """{column: name of a class}, in the order of published lists: verb, noun."""
    named = {head.name: head.class_names[label] for head, label in zip(heads(spec), clip.labels, strict=True)}
    return dict(reversed(named.items()))


def _write_list(path, rows):
    buffer = io.StringIO()
    for number, (place, names) in enumerate(rows):
        row = {"video": place["video"]} | names | place
        if not number:
            writer = csv.DictWriter(buffer, row, lineterminator="\n")
            writer.writeheader()
        writer.writerow(row)
    atomic_write_text(path, buffer.getvalue())


def _parse(argv):
    parser = command_line.parser("data_pipelines.recognition.write_synthetic", __doc__, "Exit code: 0 written, 2 not.")
    spec = SyntheticClipsConfig()
    add = parser.add_argument
    add("folder", help="new folder to write")
    text = f"clips to train on (default: {spec.num_train_videos})"
    add("--train_clips", type=int, default=spec.num_train_videos, metavar="N", help=text)
    text = f"clips to test on (default: {spec.num_test_videos})"
    add("--clips", type=int, default=spec.num_test_videos, metavar="N", help=text)
    add("--size", type=int, default=spec.size, metavar="PIXELS", help=f"height and width (default: {spec.size})")
    add("--pairs", action="store_true", help="a verb and a noun for every clip, not one label for both")
    add("--untrimmed", action="store_true", help="one video per list, whose parts are the clips")
    arguments = parser.parse_args(argv)
    for name in ("train_clips", "clips"):
        if not 1 <= getattr(arguments, name) <= _MAX_CLIPS:
            parser.error(f"--{name} is {getattr(arguments, name)}, expected 1 to {_MAX_CLIPS}")
    if arguments.size not in _SIZES:
        parser.error(f"--size is {arguments.size}, expected an even number from {_SIZES[0]} to {_SIZES[-1]}")
    return arguments


if __name__ == "__main__":
    command_line.run(main)
