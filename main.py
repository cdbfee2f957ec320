"""Command line of fact_jax. Everything it does is in fact_jax/commands.py.

    python main.py --config configs/fact_synthetic.py --workdir runs/synthetic
    python main.py --workdir runs/synthetic --mode eval
    python main.py --workdir runs/synthetic --mode predict --input new_features/
"""

import sys

from absl import app, flags, logging

from fact_jax import config_flags
from fact_jax.types import UserError

CONFIG = config_flags.define_config()
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run: checkpoints, metrics, figures.")
MODE = flags.DEFINE_enum(
    "mode",
    "train",
    ["train", "eval", "predict", "convert", "export", "report"],
    "train: start or resume, and report a finished run; eval: evaluate a checkpoint of the workdir; predict: label "
    "videos that have no labels; convert: make a workdir from published PyTorch weights; export: write such weights; "
    "report: compare finished runs.",
)
STEP = flags.DEFINE_integer("step", None, "eval, predict, export: the checkpoint to use; the best by default.")
INPUT = flags.DEFINE_multi_string("input", [], "predict: feature files (.npy) and folders of them.")
TRANSCRIPTS = flags.DEFINE_string("transcripts", None, "predict: folder of VIDEO.txt with the actions in order.")
FIGURES = flags.DEFINE_bool("figures", None, "predict: draw a timeline of every video (default: yes).")
FPS = flags.DEFINE_float("fps", None, "predict: frames per second of the features, for times in seconds.")
PROBABILITIES = flags.DEFINE_bool("probabilities", None, "predict: also write every frame's class probabilities.")
OUTPUT = flags.DEFINE_string(
    "output", None, "predict: folder of the results (default: the workdir); report: folder of the report (default: "
    "report); export: file to write, .pth, .net or .safetensors.",
)
CHECKPOINT = flags.DEFINE_string("checkpoint", None, "convert: published weights, .pth, .net, .prm or .safetensors.")
REFERENCE_CONFIG = flags.DEFINE_string("reference_config", None, "convert: YAML config of the published code.")
WORKDIRS = flags.DEFINE_multi_string("workdirs", [], "report: folders of the finished runs to compare.")


def main(argv):
    """Runs the chosen mode; returns the exit code."""
    del argv
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)  # Orbax tells a lot otherwise; --verbosity=0 shows it
    # Imported here so that a mistake on the command line is answered at once.
    from fact_jax import commands

    options = commands.Options(
        mode=MODE.value,
        config=CONFIG.value,
        overridden=config_flags.overridden(),
        workdir=WORKDIR.value,
        step=STEP.value,
        input=tuple(INPUT.value),
        transcripts=TRANSCRIPTS.value,
        figures=FIGURES.value,
        fps=FPS.value,
        probabilities=PROBABILITIES.value,
        output=OUTPUT.value,
        checkpoint=CHECKPOINT.value,
        reference_config=REFERENCE_CONFIG.value,
        workdirs=tuple(WORKDIRS.value),
    )
    try:
        return commands.run(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    app.run(main, flags_parser=config_flags.parse)
