"""A workdir with a tiny trained-looking model, made without training."""

import jax
import numpy as np

from configs import fact_synthetic
from fact_jax import run_record
from fact_jax.tasks.segmentation import systems
from fact_jax.training import loop
from tests.overrides import override
from tests.shapes import variable_shapes

CLASS_NAMES = ("background", "pour", "stir", "serve")
FEATURE_DIM = 5
BUCKETS = (16, 24)


def make_config(base=fact_synthetic, **changes):
    """The quick form of a synthetic config, smaller still."""
    config = base.get_config("quick").copy_and_resolve_references()
    with config.unlocked():
        config.compilation_cache = False
        config.model.update({"num_tokens": 6, "segment_buckets": (8,), "frame_weight": 0.6})
        config.model.input_block.update(
            {"hidden_dim": 8, "frame_dim": 6, "action_dim": 4, "action_ff_dim": 6, "dropout_rate": 0.0}
        )
        override(config, changes)
    return config.lock()


def random_params(task, seed):
    """Parameters so large that labels change often."""
    example = {"features": np.zeros((1, 1, FEATURE_DIM), np.float32)}
    shapes = variable_shapes(task, example)["params"]
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda x: rng.normal(0, 0.7, x.shape).astype(np.float32), shapes)


def write_run(workdir, config, steps, *, class_names=CLASS_NAMES):
    """Writes config.json and a checkpoint for every step.

    Args:
      workdir: folder.
      config: of the run.
      steps: dict from step to the value of its selection metric; None = not evaluated.
      class_names: of the model.

    Returns:
      (task, items): the task, and for every step the items of its checkpoint by name.
    """
    derived = {"class_names": list(class_names), "feature_dim": FEATURE_DIM, "buckets": list(BUCKETS)}
    derived["verb_nouns"] = None
    run_record.write(workdir, config=config.to_dict(), derived=derived)
    task = systems.restore(config, derived)
    items = {}
    with loop.open_checkpoints(config, workdir) as checkpoints:
        for step, value in steps.items():
            items[step] = {"params": random_params(task, step)}
            if config.optimizer.ema_decay > 0:
                items[step]["ema"] = random_params(task, step + 1000)
            metrics = {} if value is None else {config.eval.select_metric: value}
            best = {"step": 0, "value": None}
            meta = {"step": step, "metrics": metrics, "value": value, "split": "test", "best": best}
            checkpoints.save(items[step], meta)
    return task, items
