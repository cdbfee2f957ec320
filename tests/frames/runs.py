"""What a run of the toy kind needs: its videos, and the task with its batches."""

from data_pipelines.core.mapped import EvalBatches, TrainBatches
from fact_jax.app.runs.base import Parts, piece_size
from fact_jax.runtime import devices as device_layout
from fact_jax.training import loop
from fact_jax.training.evaluator import Evaluator
from fact_jax.types import UserError
from tests.frames.prediction import open_prediction
from tests.frames.squares import Squares
from tests.frames.task import SizeEvaluation, SizeTask

__all__ = ["check_settings", "open_prediction", "open_sources", "prepare"]


def check_settings(config):
    """See `fact_jax.app.runs.segmentation.check_settings`."""
    if config.model.width % 2:
        raise UserError(f"config.model.width is {config.model.width}, expected an even number.")


def open_sources(config, notes):
    broken = config.data.broken if config.data.broken >= 0 else None
    return {"train": Squares("a", 10, broken=broken), "test": Squares("b", 5)}


def prepare(config, sources, devices):
    rows = device_layout.num_rows(piece_size(config.train), len(devices))
    train_batches = TrainBatches(
        sources["train"],
        batch_size=config.train.batch_size,
        micro_batch_size=config.train.micro_batch_size,
        seed=config.seed,
        num_rows=rows,
        share=device_layout.share(rows, devices),
        num_workers=config.data.num_workers,
    )
    rows = device_layout.num_rows(config.eval.batch_size, len(devices))
    sets = {
        name: EvalBatches(
            source, batch_size=config.eval.batch_size, num_rows=rows, share=device_layout.share(rows, devices)
        )
        for name, source in sources.items()
    }
    steps_per_epoch = train_batches.steps_per_epoch
    return Parts(
        task=SizeTask(config.model.width),
        train_batches=train_batches,
        evaluators=(
            Evaluator("unseen", {"test": sets["test"]}, lambda: SizeEvaluation(["test"]), config.train.eval_every),
            Evaluator("both", sets, lambda: SizeEvaluation(sets), config.eval.both_every),
            Evaluator("late", {"test": sets["test"]}, lambda: SizeEvaluation(["test"])),
        ),
        derived={
            "num_videos": {name: len(source.video_ids) for name, source in sources.items()},
            "total_steps": loop.total_steps(config, steps_per_epoch),
        },
        num_programs=1,
        statistics="squares\n",
        lines=(),
        how_scored=("a toy",),
    )
