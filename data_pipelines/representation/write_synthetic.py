"""Writes the synthetic videos as files, to try training, prediction and other tools on a folder of videos.

    python -m data_pipelines.representation.write_synthetic FOLDER

FOLDER gets videos/VIDEO.mp4, labels/VIDEO.txt with a phase for every frame, phases.txt, train.txt and test.txt, as
configs/carl_custom.py takes them. Frames are compressed, so that their pixels differ a little from those that
configs/carl_synthetic.py draws.
"""

import shlex

from tqdm import tqdm

from data_pipelines.core import command_line
from data_pipelines.core.wording import count
from data_pipelines.representation.config import SyntheticActionsConfig
from data_pipelines.representation.folder import LABEL_DIR, LISTS, PHASES, VIDEO_DIR
from data_pipelines.representation.listing import numbered_phases
from data_pipelines.representation.synthetic import synthetic_videos
from fact_jax.files import atomic_write_text
from fact_jax.mp4 import write_mp4

_MAX_VIDEOS = 10_000
_SIZES = range(16, 1025, 2)  # H.264 in the form that is played everywhere has even sizes
_AT_ONCE = 64  # frames that are drawn before they are written


def main(argv=None):
    """Runs the tool; returns 0."""
    arguments = _parse(argv)
    folder = command_line.new_folder(arguments.folder)
    spec = SyntheticActionsConfig(
        num_train_videos=arguments.train_videos, num_test_videos=arguments.videos, size=arguments.size
    )
    phases = numbered_phases(spec.num_phases)
    num_frames = 0
    with command_line.writing(folder):
        (folder / VIDEO_DIR).mkdir(parents=True, exist_ok=True)
        for subset, list_name in LISTS.items():
            videos = synthetic_videos(spec, subset)
            for name, video in tqdm(videos.items(), desc=f"Writing {subset} videos", disable=None, leave=False):
                write_mp4(folder / VIDEO_DIR / f"{name}.mp4", _frames(video), video.times, video.size)
                _write_lines(folder / LABEL_DIR / f"{name}.txt", [phases[label] for label in video.labels])
                num_frames += len(video)
            _write_lines(folder / list_name, videos)
        _write_lines(folder / PHASES, phases)
    number = count(spec.num_train_videos + spec.num_test_videos, "video")
    print(f"{number}, {count(num_frames, 'frame')} of {spec.size} x {spec.size} pixels: {folder}")
    print("to train on them, with the network of configs/carl_custom.py, which is as large as the published one:")
    # A frame of the network's size, and clips no longer than the shortest video.
    settings = {"dir": folder, "augmentation.size": spec.size, "clip.num_frames": spec.min_frames}
    options = [f"--config.data.{name}={value}" for name, value in settings.items()]
    command = ["python", "main.py", "--config", "configs/carl_custom.py", *options, "--workdir", "runs/own"]
    print("  " + shlex.join(command))
    return 0


def _frames(video):
    for frames in video.batches(range(len(video)), _AT_ONCE):
        yield from frames


def _write_lines(path, lines):
    atomic_write_text(path, "".join(f"{line}\n" for line in lines))


def _parse(argv):
    parser = command_line.parser(
        "data_pipelines.representation.write_synthetic", __doc__, "Exit code: 0 written, 2 not."
    )
    spec = SyntheticActionsConfig()
    add = parser.add_argument
    add("folder", help="new folder to write")
    text = f"videos to train on (default: {spec.num_train_videos})"
    add("--train_videos", type=int, default=spec.num_train_videos, metavar="N", help=text)
    text = f"videos to test on (default: {spec.num_test_videos})"
    add("--videos", type=int, default=spec.num_test_videos, metavar="N", help=text)
    add("--size", type=int, default=spec.size, metavar="PIXELS", help=f"height and width (default: {spec.size})")
    arguments = parser.parse_args(argv)
    for name in ("train_videos", "videos"):
        if not 1 <= getattr(arguments, name) <= _MAX_VIDEOS:
            parser.error(f"--{name} is {getattr(arguments, name)}, expected 1 to {_MAX_VIDEOS}")
    if arguments.size not in _SIZES:
        parser.error(f"--size is {arguments.size}, expected an even number from {_SIZES[0]} to {_SIZES[-1]}")
    return arguments


if __name__ == "__main__":
    command_line.run(main)
