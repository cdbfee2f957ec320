"""A trained network, ready to predict videos of its kind of work."""

import abc
import contextlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from fact_jax import run_record
from fact_jax.app import kinds
from fact_jax.inference.export import ExportPlan, write_export
from fact_jax.ops import aligned
from fact_jax.runtime import compilation
from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.base import FINITE, Evaluation
from fact_jax.training import loop
from fact_jax.training.checkpoints.manager import CheckpointError
from fact_jax.training.checkpoints.weights import Weights, choose_step, others, read_weights
from fact_jax.training.evaluator import Evaluator
from fact_jax.training.nonfinite import NonFiniteScores
from fact_jax.training.steps import EvalStep, checked_outputs
from fact_jax.types import Batch, UserError

TIMED = "timed_features"  # of what is derived of a run's data


class Predictor(abc.ABC):
    """Predicts videos with the parameters of one checkpoint. Made by `load`; every kind of work has a subclass.

    Attributes:
      config: ConfigDict of the run.
      class_names: name of every class, by class id; () where there are none.
      timed_features: whether the features of the run said themselves where they lie in time.
      feature_dim: D, channels of the features; None where videos are read.
      step, checksum: which checkpoint, and that of its parameters.
      members: of an ensemble, what `origin` says of each of its runs; () otherwise.
    """

    members: tuple[dict[str, Any], ...] = ()

    def __init__(
        self,
        task,
        params,
        *,
        record: Mapping[str, Any],
        step: int | str,
        checksum: str,
        devices,
        say,
        num_programs: int = 1,
        state: Any = None,
    ):
        """`params` and `state`, the mutable collections, if any, are on the host.

        `num_programs` padded lengths are likely to come.
        """
        self.config = ConfigDict(record["config"])
        self.class_names = tuple(record["derived"].get("class_names", ()))
        self.feature_dim = record["derived"].get("feature_dim")
        self.step, self.checksum = step, checksum
        self.timed_features = bool(record["derived"].get(TIMED))
        self._num_devices, self._task = len(devices), task
        self._step = EvalStep(task, devices, num_buckets=num_programs, say=say)
        self._state = device_layout.replicate(state, devices) if jax.tree.leaves(state) else {}
        with self._precision():
            self._weights = self._step.compose(device_layout.replicate(params, devices))

    @abc.abstractmethod
    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """What is predicted for the features of one video, or a list of that for a list of videos.

        The subclasses say what else may be told of a video. UserError: the features, or what is told of them, cannot be
        used; or that goes with another kind of work.
        """

    def _predict_each(self, predict_one: Callable[..., Any], features, others: Mapping[str, Any], **told) -> Any:
        """`predict_one(features, name, ...)` of one video, or a list of that.

        `told` has an entry for every video of a list, or a number for all of them. `others` may not be told.
        """
        if others:
            raise UserError("\n".join(self._why_not(name) for name in others))
        if not isinstance(features, list | tuple):
            return predict_one(features, "features", **told)
        count = len(features)
        each = {
            name: [value] * count if value is None or isinstance(value, int | float) else value
            for name, value in told.items()
        }
        wrong = [f"{len(values)} of {name}" for name, values in each.items() if len(values) != count]
        if wrong:
            raise UserError(f"{count} videos and {', '.join(wrong)}; expected one for each video.")
        return [
            predict_one(video, f"features of video {number}", **{name: values[number] for name, values in each.items()})
            for number, video in enumerate(features)
        ]

    def _why_not(self, name):
        """Why an argument of this name is none of `predict`."""
        own = kinds.of_system(self.config.model.name)
        arguments = {kind.name: list(inspect.signature(kind.predictor().predict).parameters) for kind in kinds.KINDS}
        owners = [kind for kind, names in arguments.items() if name in names]
        if owners:
            words = f"it goes with {' and '.join(owners)}, and this is a run of {own.name}; leave it out"
            return f"predict({name}=...): {words}."
        names = [known for known in arguments[own.name] if known not in ("self", "others")]
        return f"predict({name}=...): there is no such argument. It takes {', '.join(names)}."

    def prediction(self, scores: Mapping[str, np.ndarray], row: int, *args: Any, **kwargs: Any) -> Any:
        """What is predicted for one row of what `run` gave, fetched; the subclasses say what else they need.

        None: more rows of this video are to come.

        NonFiniteScores: scores are NaN or infinite.
        """
        if not scores[FINITE][row]:
            raise NonFiniteScores
        return self._prediction(scores, row, *args, **kwargs)

    @abc.abstractmethod
    def _prediction(self, *args: Any, **kwargs: Any) -> Any:
        """What `prediction` gives."""

    def origin(self, config) -> dict[str, Any]:
        """What makes the predictions, for their files; `config` is that of the run."""
        run = {"name": config.name, "system": config.model.name, "dataset": config.data.dataset}
        checkpoint = {"checkpoint": {"step": self.step, "sha256": self.checksum}}
        return run | checkpoint | ({"members": list(self.members)} if self.members else {})

    def evaluate(self, evaluator: Evaluator, progress, should_stop) -> Evaluation | None:
        """The filled evaluation of an Evaluator, whose batches are for the devices given to `load`; see there."""
        with self._precision():
            return evaluator.run(self._step, self._weights, self._state, progress, should_stop)

    def export_plan(self, longest: int | None) -> ExportPlan:
        """How the network is exported for videos of up to `longest` rows; None: as long as in the training run.

        UserError: it cannot be exported, or not for such lengths.
        """
        del longest
        raise UserError(f"{kinds.of_system(self.config.model.name).name}: such a network cannot be exported.")

    def export(self, folder, longest: int | None = None, say: Callable[[str], None] = lambda line: None) -> None:
        """Writes a folder that predicts the same with jax and NumPy alone; see `inference.export.folder`.

        `longest`: as of `export_plan`. UserError: the network cannot be exported, or the folder not be written.
        """
        plan = self.export_plan(longest)
        tree = {"weights": self._weights, **({"state": self._state} if jax.tree.leaves(self._state) else {})}
        leaves, structure = jax.tree_util.tree_flatten_with_path(device_layout.unreplicate(tree))
        names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]

        def run(weights, taken):
            tree = jax.tree.unflatten(structure, [weights[name] for name in names])
            found = checked_outputs(self._task, tree["weights"], tree.get("state", {}), plan.batch(taken))
            return {**plan.results(found, taken), FINITE: found[FINITE][0]}

        config = self.config
        about = {
            "kind": kinds.of_system(config.model.name).name,
            "system": config.model.name,
            "name": config.name,
            "dataset": config.data.dataset,
            "checkpoint": {"step": self.step, "sha256": self.checksum},
            "class_names": list(self.class_names),
            "feature_dim": self.feature_dim,
        }
        with self._precision():
            write_export(folder, run, dict(zip(names, (leaf for _, leaf in leaves), strict=True)), plan, about, say)

    def expect_programs(self, number: int) -> None:
        """Says how many lengths will come, for the lines about compilations."""
        self._step.programs.expected = len(self._step.programs.lengths) + number

    @property
    def num_programs(self) -> int:
        """How many programs were compiled."""
        return self._step.programs.count

    def watch_compilations(self, began: Callable[[], None], ended: Callable[[], None]) -> None:
        """Has `began` and `ended` called around every compilation."""
        self._step.programs.watch(began, ended)

    def run(self, batch: Batch):
        """Starts the prediction of a batch; returns scores on the devices, for `devices.unshard`.

        The rows of the batch must be a multiple of the devices given to `load`.
        """
        with self._precision():
            return self._step(self._weights, self._state, batch)

    def runs_beside(self, batch: Batch) -> bool:
        """Whether `run` may be called for this batch while it runs in another thread, as of `EvalStep`."""
        return self._step.runs_beside(batch)

    def _run_one(self, arrays: Mapping[str, np.ndarray], heavy: str = "features"):
        """What `run` gives, fetched, for the arrays [1, ...] of one video; `heavy` holds the video itself."""
        arrays = {"video_mask": np.ones(1, bool), "row": np.zeros(1, np.int32), **arrays}
        # One row for every device; the others are padding.
        if padding := self._num_devices - 1:
            arrays = {key: np.pad(x, [(0, padding)] + [(0, 0)] * (x.ndim - 1)) for key, x in arrays.items()}
        batch = Batch(arrays, ("video",) + ("",) * padding, (0,) + (-1,) * padding, heavy=(heavy,))
        return device_layout.unshard(self.run(batch))

    def _runs(self):
        """The module of the kind in `app.runs`, which knows the data."""
        return kinds.of_system(self.config.model.name).runs()

    def _precision(self):
        precision = self.config.matmul_precision
        return jax.default_matmul_precision(precision) if precision else contextlib.nullcontext()


def load(
    workdir,
    step: int | None = None,
    *,
    kind: str | None = None,
    devices: Sequence[jax.Device] | None = None,
    say=lambda line: None,
    serve: Callable[[Any], Any] = lambda task: task,
) -> Predictor:
    """Reads the parameters of a checkpoint, verifies their checksum, and returns the predictor of its kind of work.

    Compiled programs are kept for later processes as in training, if the run's config says so.

    Args:
      workdir: folder of a run, or of a converted checkpoint.
      step: which checkpoint; None = the best, or the latest where none was evaluated.
      kind: "segmentation" or "localization", where no other will do; `inference.localization.load` is this function
        with it.
      devices: where to run; the first device by default.
      say: takes lines about compilations and the like.
      serve: from the task of the run to one of the same parameters that predicts something else.

    Raises:
      UserError: the folder holds no run, or one of another kind, or its checkpoint cannot be used.
    """
    found = read_run(workdir, step, kind=kind, say=say)
    return kinds.of_system(found.config.model.name).predictor()(
        serve(found.task),
        found.weights.params,
        record=found.record,
        step=found.step,
        checksum=found.checksum,
        devices=[jax.local_devices()[0]] if devices is None else list(devices),
        say=say,
        state=found.weights.state,
    )


class StoredRun(NamedTuple):
    """A run that was read: its record and config, its task for prediction alone, and the weights of a checkpoint."""

    record: Mapping[str, Any]
    config: ConfigDict
    task: Any
    weights: Weights
    step: int

    @property
    def checksum(self) -> str:
        """Of the parameters."""
        return self.weights.meta["checksums"][self.weights.item]


def read_run(
    workdir, step: int | None = None, *, kind: str | None = None, say: Callable[[str], None] = lambda line: None
) -> StoredRun:
    """Reads what `load` makes a predictor of; arguments and errors as there."""
    record = run_record.read(workdir)
    if record is None:
        raise UserError(f"{workdir} holds no run: {run_record.FILE} is missing. Train first, or convert a checkpoint.")
    with run_record.trusting(workdir):
        config = ConfigDict(record["config"])
        own, keeps_programs = kinds.of_system(config.model.name), config.compilation_cache
        tasks = own.tasks()
    if kind not in (None, own.name):
        use = f"inference.{own.name}.load, or inference.load, which takes every run"
        raise UserError(f"{workdir} holds a run of {own.name} ({config.model.name}), not of {kind}: use {use}.")
    if not (Path(workdir) / "checkpoints").is_dir():
        raise UserError(f"{workdir} has no checkpoint yet.")
    if keeps_programs:
        compilation.use_cache(say)
    with run_record.trusting(workdir):
        task, arrays = tasks.restore(config, record["derived"]), tasks.example_arrays(record["derived"])
    with loop.open_checkpoints(config, workdir, read_only=True) as checkpoints:
        chosen = choose_step(checkpoints, step, say)
        try:
            weights = read_weights(task, config, checkpoints, chosen, arrays)
        except CheckpointError as error:
            raise UserError(f"{error}. {others(checkpoints, chosen)}") from error
    return StoredRun(record, config, task, weights, chosen)


def padded_features(features: np.ndarray, length: int) -> dict[str, np.ndarray]:
    """ "features" [1, length, D] and "mask" [1, length] of a batch, from the features [T, D] of one video."""
    padded = aligned.zeros((1, length, features.shape[1]), features.dtype)
    padded[0, : len(features)] = features
    return {"features": padded, "mask": (np.arange(length) < len(features))[None]}


def check_features(features, feature_dim: int, name: str = "features") -> np.ndarray:
    """Returns features of one video as float32 [N, D], after checking that N > 0 and all numbers are finite."""
    array = np.asarray(features)
    if array.dtype.kind not in "fiub":
        raise UserError(f"{name}: values of type {array.dtype}; expected float.")
    if array.ndim != 2 or array.shape[1] != feature_dim:
        transposed = array.ndim == 2 and array.shape[0] == feature_dim
        hint = " They look transposed: pass features.T." if transposed else ""
        raise UserError(f"{name}: shape {array.shape}; expected (frames, {feature_dim}).{hint}")
    if not len(array):
        raise UserError(f"{name}: no frames; expected at least one.")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        first = "frame {}, channel {}".format(*bad[0])
        found = f"{len(bad)} values are NaN or infinite as float32, the first at {first}"
        raise UserError(f"{name}: {found}; expected finite numbers.")
    return array
