"""Command line of fact_jax. Everything it does is in fact_jax/experiment.py.

    python main.py --config configs/fact_synthetic.py --workdir runs/synthetic
    python main.py --config configs/fact_synthetic.py --workdir runs/synthetic --mode eval
"""

import sys

from absl import app, flags, logging

from fact_jax import config_flags
from fact_jax.types import UserError

CONFIG = config_flags.define_config()
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run: checkpoints, metrics, figures.", required=True)
MODE = flags.DEFINE_enum(
    "mode",
    "train",
    ["train", "eval"],
    "train: start or resume, and report a finished run; eval: evaluate a checkpoint of the workdir.",
)
STEP = flags.DEFINE_integer("step", None, "For --mode eval: the checkpoint to evaluate; the best by default.")


def main(argv):
    """Runs the chosen mode; returns the exit code."""
    del argv
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)  # Orbax tells a lot otherwise; --verbosity=0 shows it
    # Imported here so that a mistake on the command line is answered at once.
    from fact_jax import experiment

    try:
        return experiment.run(CONFIG.value, WORKDIR.value, MODE.value, step=STEP.value)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    app.run(main, flags_parser=config_flags.parse)
