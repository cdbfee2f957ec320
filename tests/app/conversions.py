"""Conversions and exports of weights, as tests make them."""

import io

import jax
import numpy as np

from configs import fact_gtea
from fact_jax import run_record
from fact_jax.app import conversion
from fact_jax.app.runs.base import Classes
from fact_jax.models.fact.published import published_state_dict
from fact_jax.models.weights import weight_files
from fact_jax.tasks.segmentation import systems
from fact_jax.training.checkpoints.manager import Checkpoints
from fact_jax.training.logging import writers
from tests.shapes import variable_shapes

CLASSES = [f"action {k}" for k in range(5)]


def config_of(module=fact_gtea, **changes):
    """A shipped config with attention heads that a network of a few channels can have."""
    config = module.get_config().copy_and_resolve_references()
    with config.unlocked():
        config.model.input_block.action_heads = 4
        config.update_from_flattened_dict({key.replace("__", "."): value for key, value in changes.items()})
    return config.lock()


def convert(workdir, checkpoint, config=None, class_names=CLASSES, verb_nouns=None, **options):
    stream, config = io.StringIO(), config or config_of()
    conversion.convert(
        config,
        workdir,
        checkpoint,
        read_classes=lambda: Classes(class_names, config.data.mapping_file, verb_nouns),
        console=writers.Console(stream),
        **options,
    )
    return stream.getvalue()


def export(workdir, output, **options):
    stream = io.StringIO()
    conversion.export(workdir, output, console=writers.Console(stream), **options)
    return stream.getvalue()


def shapes_of(task, feature_dim):
    """Shapes of the parameters."""
    batch = {"features": jax.ShapeDtypeStruct((1, 1, feature_dim), np.float32)}
    return variable_shapes(task, batch)["params"]


def stored(workdir):
    """(task, parameters) of a converted workdir."""
    record = run_record.read(workdir)
    task = systems.restore(record["config"], record["derived"])
    shapes = shapes_of(task, record["derived"]["feature_dim"])
    with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
        items, _ = checkpoints.restore(checkpoints.best_step(), {"params": shapes})
    return task, items["params"]


def variant(module, tmp_path, verb_nouns=None, **changes):
    """Random weights of a small network of another variant: (their file, its tensors)."""
    small = {"hidden_dim": 16, "frame_dim": 8, "frame_layers": 2}
    small |= {"action_dim": 8, "action_layers": 1, "action_ff_dim": 6}
    config = config_of(module, **{f"model.input_block.{name}": value for name, value in small.items()}, **changes)
    derived = {"class_names": CLASSES, "verb_nouns": None if verb_nouns is None else vars(verb_nouns)}
    task = systems.restore(config, derived)
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), shapes_of(task, 7))
    tensors = published_state_dict(task.model, params)
    return weight_files.write_state_dict(tmp_path / "weights.npz", tensors), tensors
