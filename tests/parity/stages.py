"""Compares stage outputs of trained networks with those recorded beside their weights (MS-TCN and its kin).

NAME_golden.npz holds `stage0`, `stage1`, ... [1, K, T] of an evaluation, computed in float64, for random features
[1, D, T] that `seed` and `shape` give, of which `x_head` is the first corner. The weights lie beside it, as NAME with
one of the endings of weight files, or as NAME_state.npz.
"""

import dataclasses
from pathlib import Path

import jax
import numpy as np

from fact_jax.app.published_weights import recognise
from fact_jax.models.weights import state_dict, weight_files
from fact_jax.tasks.segmentation.frame_models import FrameTask
from fact_jax.tasks.segmentation.inputs import example_arrays
from fact_jax.tasks.segmentation.systems import FRAME_MODELS
from fact_jax.training.checkpoints.weights import variable_shapes
from fact_jax.types import UserError
from tests.parity.report import compare, identical

PARTS = {"seed", "shape", "x_head", "stage0"}
TOLERANCE = 1e-4
# Settings that change no evaluation, or that a file does not tell and that these files do not differ in.
UNTOLD = {"dropout_rate": 0.0, "channel_dropout_rate": 0.0, "windows": "released"}


def weights_beside(path):
    """The weight file that belongs to NAME_golden.npz.

    Raises:
      UserError: there is none.
    """
    name = Path(path).name.removesuffix(".npz").removesuffix("_golden")
    for ending in ("_state.npz", *weight_files.SUFFIXES):
        found = Path(path).with_name(name + ending)
        if found.is_file() and found != Path(path):
            return found
    raise UserError(f"no weights beside it; expected {name}_state.npz or {name} with {weight_files.SUFFIXES}")


def task_and_params(weights):
    """(FrameTask, parameters) of a weight file, built and filled as a conversion does."""
    found = recognise(weight_files.read_state_dict(weights).tensors, weights)
    system = FRAME_MODELS[found.model_settings["name"]]
    settings = {field.name: UNTOLD[field.name] for field in dataclasses.fields(system) if field.name in UNTOLD}
    model = system.from_settings(settings | found.model_settings, found.num_classes, "float32")
    task = FrameTask(model)
    shapes = variable_shapes(task, example_arrays(found.feature_dim))["params"]
    return task, state_dict.to_flax(task.links(), found.tensors, shapes)


def check(npz, path):
    """Checks a loaded file; returns a list of rows."""
    weights = weights_beside(path)
    task, params = task_and_params(weights)
    x = np.random.default_rng(int(npz["seed"])).standard_normal(tuple(npz["shape"])).astype(np.float32)
    corner = npz["x_head"]
    rows = [identical("x_head", x[0][tuple(map(slice, corner.shape))], corner)]
    features = x.transpose(0, 2, 1)
    mask = np.ones(features.shape[:2], bool)
    run = jax.jit(lambda params: task.model.network.apply({"params": params}, features, mask, None))
    with jax.default_matmul_precision("highest"):
        for suffix, form in (("", params), (" (composed)", task.compose(params, None))):
            if suffix and form is params:
                continue
            logits = jax.device_get(run(form))
            for stage, found in enumerate(logits):
                wanted = npz[f"stage{stage}"]
                rows.append(compare(f"stage{stage}{suffix}", found.transpose(0, 2, 1), wanted, atol=TOLERANCE))
    missing = len([name for name in npz if name.startswith("stage")]) - len(logits)
    return rows + [identical("further stages in the file", missing, 0)]
