"""The entry of a third kind of work: frames in, a number out. A real one lies in fact_jax/app/kinds/."""

from ml_collections import ConfigDict

from configs._base import common
from fact_jax.app import kinds
from fact_jax.app.kinds.base import Kind, Lazy, PredictConfig
from tests.overrides import override

KIND = Kind(
    name="sizes",
    systems=("squares",),
    predict_config=PredictConfig,
    base_config=Lazy("tests.frames.kind:get_config"),
    tasks=Lazy("tests.frames.task"),
    runs=Lazy("tests.frames.runs"),
    predictor=Lazy("tests.frames.prediction:SizePredictor"),
    write_evaluation=Lazy("tests.frames.report:write_evaluation"),
    report=Lazy("tests.frames.report:SizeReport"),
)


def enter():
    """What a line in fact_jax/app/kinds/__init__.py does for a real kind."""
    kinds.KINDS = (*kinds.KINDS, KIND)


def get_config(**overrides):
    """A config of six steps; dotted overrides, such as train__steps=2."""
    data = ConfigDict({"dataset": "squares", "split": "split1", "fps": 0.0, "num_workers": 0, "broken": -1})
    config = common.base_config("squares", data)
    config.model = ConfigDict({"name": "squares", "width": 4})
    config.loss = ConfigDict({})
    config.optimizer.learning_rate = 0.01
    config.train.update({"batch_size": 4, "steps": 6, "log_every": 1, "eval_every": 4})
    config.eval.update({"batch_size": 4, "select_metric": "Score", "figures": False, "both_every": 3})
    config.log.tensorboard = config.compilation_cache = False
    return override(config, overrides).lock()
