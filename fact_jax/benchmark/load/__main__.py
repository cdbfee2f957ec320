"""Command line of the load test.

python -m fact_jax.benchmark.load --config configs/fact_custom.py:quick --videos 10000 --output load
python -m fact_jax.benchmark.load --config configs/fact_custom.py:quick --what predict --hours 24 --output load
"""

import dataclasses
import sys

from absl import app, flags, logging

from fact_jax.app import config_flags
from fact_jax.runtime import heaps
from fact_jax.types import UserError

SETTINGS = config_flags.define_config()
WHAT = flags.DEFINE_enum("what", "train", ["train", "predict"], "Training with evaluations, or a prediction.")
OUTPUT = flags.DEFINE_string("output", "load", "Folder for the numbers, the picture and, meanwhile, the videos.")
INTERVAL = flags.DEFINE_float("interval", 0.5, "Seconds between two looks at the memory.", lower_bound=0.01)
# Of a field of a load: its flag.
LOAD = {
    "num_videos": flags.DEFINE_integer("videos", 10000, "train: number of videos.", lower_bound=2),
    "min_frames": flags.DEFINE_integer("min_frames", 50, "train: the shortest video.", lower_bound=2),
    "max_frames": flags.DEFINE_integer("max_frames", 5000, "train: the longest video.", lower_bound=2),
    "batch_size": flags.DEFINE_integer("batch", 8, "train: videos of a step and of an evaluation.", lower_bound=1),
    "epochs": flags.DEFINE_integer("epochs", 1, "train: passes over the videos.", lower_bound=1),
    "evaluations": flags.DEFINE_integer("evaluations", 4, "train: evaluations on the way.", lower_bound=1),
    "hours": flags.DEFINE_float("hours", 24.0, "predict: of video, at 30 frames per second.", lower_bound=0.001),
    "num_files": flags.DEFINE_integer("files", 480, "predict: feature files of these hours.", lower_bound=1),
    "figures": flags.DEFINE_bool("figures", True, "predict: draw the timelines."),
    "feature_dim": flags.DEFINE_integer("feature_dim", 16, "Feature channels.", lower_bound=1),
}


def main(argv):
    """Runs the load; returns the exit code: 0, or 1 if memory grows."""
    del argv
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)
    heaps.share()
    # Imported here so that a mistake on the command line is answered at once.
    from fact_jax.benchmark.load import run

    kind = {"train": run.TrainingLoad, "predict": run.PredictionLoad}[WHAT.value]
    try:
        load = kind(**{field.name: LOAD[field.name].value for field in dataclasses.fields(kind)})
        return run.run(load, SETTINGS.value, OUTPUT.value, INTERVAL.value)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    app.run(main, flags_parser=config_flags.parse)
