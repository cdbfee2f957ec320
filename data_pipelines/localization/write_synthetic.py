"""Writes the synthetic localization dataset to a folder, to try training, prediction and other tools on files.

    python -m data_pipelines.localization.write_synthetic FOLDER

FOLDER gets annotations.json and features/VIDEO.npy, as configs/actionformer_custom.py takes them.
"""

import json
import shlex

from data_pipelines.core import command_line
from data_pipelines.core.wording import count
from data_pipelines.localization.config import SyntheticLocalizationConfig
from data_pipelines.localization.synthetic import SUBSETS, SyntheticVideos
from fact_jax.files import atomic_save_array, atomic_write_text

_MAX_VIDEOS = 10_000


def main(argv=None):
    """Runs the tool; returns 0."""
    arguments = _parse(argv)
    folder = command_line.new_folder(arguments.folder)
    spec = SyntheticLocalizationConfig(num_train_videos=arguments.train_videos, num_test_videos=arguments.videos)
    entries = {}
    with command_line.writing(folder):
        for subset in SUBSETS:
            made = SyntheticVideos(spec, subset)
            for video in made.videos:
                entries[video.video_id] = _entry(video, made.class_names)
                atomic_save_array(folder / "features" / f"{video.video_id}.npy", made.read(video.video_id))
        atomic_write_text(folder / "annotations.json", json.dumps({"database": entries}, indent=1) + "\n")
    print(f"{count(entries, 'video')} of {count(spec.feature_dim, 'channel')}: {folder}")
    settings = {"dir": folder, "feature_stride": float(spec.stride), "window": float(spec.window)}
    options = [f"--config.data.{name}={value}" for name, value in settings.items()]
    print("to train on them:")
    command = ["python", "main.py", "--config", "configs/actionformer_custom.py", *options, "--workdir", "runs/own"]
    print("  " + shlex.join(command))
    return 0


def _entry(video, class_names):
    pairs = zip(video.segments.tolist(), video.labels.tolist(), strict=True)
    annotations = [
        {"label": class_names[label], "label_id": label, "segment": [round(start, 3), round(end, 3)]}
        for (start, end), label in pairs
    ]
    return {"subset": video.subset, "duration": round(video.duration, 3), "fps": video.fps, "annotations": annotations}


def _parse(argv):
    parser = command_line.parser("data_pipelines.localization.write_synthetic", __doc__, "Exit code: 0 written, 2 not.")
    parser.add_argument("folder", help="new folder to write")
    parser.add_argument("--train_videos", type=int, default=120, metavar="N", help="videos to train on (default: 120)")
    parser.add_argument("--videos", type=int, default=40, metavar="N", help="videos to test on (default: 40)")
    arguments = parser.parse_args(argv)
    for name in ("train_videos", "videos"):
        if not 1 <= getattr(arguments, name) <= _MAX_VIDEOS:
            parser.error(f"--{name} is {getattr(arguments, name)}, expected 1 to {_MAX_VIDEOS}")
    return arguments


if __name__ == "__main__":
    command_line.run(main)
