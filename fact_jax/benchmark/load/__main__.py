"""Command line of the load test.

python -m fact_jax.benchmark.load --config configs/fact_custom.py:quick --videos 10000 --output load
python -m fact_jax.benchmark.load --config configs/fact_custom.py:quick --what predict --hours 24 --output load
"""

import sys

from absl import app, flags, logging

from fact_jax.app import config_flags
from fact_jax.runtime import heaps
from fact_jax.types import UserError

SETTINGS = config_flags.define_config()
WHAT = flags.DEFINE_enum("what", "train", ["train", "predict"], "Training with evaluations, or a prediction.")
OUTPUT = flags.DEFINE_string("output", "load", "Folder for the numbers, the picture and, meanwhile, the videos.")
VIDEOS = flags.DEFINE_integer("videos", 10000, "train: number of videos.", lower_bound=2)
MIN_FRAMES = flags.DEFINE_integer("min_frames", 50, "train: the shortest video.", lower_bound=2)
MAX_FRAMES = flags.DEFINE_integer("max_frames", 5000, "train: the longest video.", lower_bound=2)
BATCH = flags.DEFINE_integer("batch", 8, "train: videos of a step and of an evaluation batch.", lower_bound=1)
EPOCHS = flags.DEFINE_integer("epochs", 1, "train: passes over the videos.", lower_bound=1)
EVALUATIONS = flags.DEFINE_integer("evaluations", 4, "train: evaluations on the way.", lower_bound=1)
HOURS = flags.DEFINE_float("hours", 24.0, "predict: of video, at 30 frames per second.", lower_bound=0.001)
FILES = flags.DEFINE_integer("files", 480, "predict: feature files that the hours are spread over.", lower_bound=1)
FIGURES = flags.DEFINE_bool("figures", True, "predict: draw the timelines.")
FEATURE_DIM = flags.DEFINE_integer("feature_dim", 16, "Feature channels.", lower_bound=1)
INTERVAL = flags.DEFINE_float("interval", 0.5, "Seconds between two looks at the memory.", lower_bound=0.01)


def main(argv):
    """Runs the load; returns the exit code: 0, or 1 if memory grows."""
    del argv
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)
    heaps.share()
    # Imported here so that a mistake on the command line is answered at once.
    from fact_jax.benchmark.load import run

    try:
        if WHAT.value == "train":
            load = run.Training(
                VIDEOS.value,
                MIN_FRAMES.value,
                MAX_FRAMES.value,
                FEATURE_DIM.value,
                BATCH.value,
                EPOCHS.value,
                EVALUATIONS.value,
            )
        else:
            load = run.Prediction(HOURS.value, FILES.value, FEATURE_DIM.value, FIGURES.value)
        return run.run(load, SETTINGS.value, OUTPUT.value, INTERVAL.value)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    app.run(main, flags_parser=config_flags.parse)
