"""Compares shapes, learning rates and decay of CAST's parameters with a table of the published code.

The table is JSON: model name -> {"layer_decay", "weight_decay", "num_groups", "scales" by layer, "param_total",
"param_trainable", "params": published name -> {"shape", "trainable", "layer_id", "lr_scale" and, if trained,
"weight_decay" and "group"}}.
"""

import jax
import numpy as np
from flax.traverse_util import flatten_dict

from fact_jax.models.cast import published, scales
from fact_jax.models.cast.config import CASTConfig
from fact_jax.models.cast.network import initial_variables
from fact_jax.models.weights.shape_reader import ShapeReader
from fact_jax.types import UserError
from tests.parity.report import compare, identical

# Of a float64 scale held as float32.
SCALE_RTOL = 1e-6


def check(table):
    """Checks all models of a table; returns a list of rows."""
    if not isinstance(table, dict) or not all(
        isinstance(model, dict) and "params" in model for model in table.values()
    ):
        raise UserError("not a table of parameter groups of models")
    return [row for name, model in table.items() for row in _check_model(name, model)]


def _config(params):
    """The network that has parameters of these shapes."""
    shapes = {name: np.empty(entry["shape"], np.bool_) for name, entry in params.items()}
    settings = published.read_settings(ShapeReader(shapes, "the table", "CAST"))
    # Heads leave no trace in shapes; one divides every width.
    return CASTConfig(**settings, num_heads=1)


def _check_model(name, model):
    params = model["params"]
    config = _config(params)
    tree = jax.eval_shape(lambda key: initial_variables(config, key), jax.random.key(0))["params"]
    of_scale, of_decay, flags = (
        flatten_dict(found, sep="/")
        for found in (
            scales.layer_scales(config, tree, model["layer_decay"]),
            scales.decays(config, tree),
            scales.trained(config, tree),
        )
    )
    links = {link.torch: link for link in published.links(config)}
    rows = [identical(f"{name}/{key} (in one of both)", 0, 1) for key in sorted(links.keys() ^ params.keys())]
    both = [key for key in params if key in links]
    shapes = flatten_dict(tree, sep="/")

    def entry(key, found):
        link = links[key]
        value = np.asarray(found[link.flax], np.float64)
        return value.reshape(-1)[link.index] if value.ndim else value

    def shape_of(key):
        link = links[key]
        whole = shapes[link.flax].shape
        entry = np.broadcast_to(np.float32(0), whole if link.index is None else whole[1:])
        return list(link.to_torch(entry).shape)

    trained = np.array([params[key]["trainable"] for key in both], float)
    sizes = np.array([np.prod(params[key]["shape"]) for key in both])
    rates = np.array([params[key]["lr_scale"] for key in both])
    wrong = [key for key in both if shape_of(key) != params[key]["shape"]]
    rows += [identical(f"{name}/{key} (shape {shape_of(key)})", 0, 1) for key in wrong]
    rows += [
        identical(f"{name}/trainable", [entry(key, flags) for key in both], trained),
        compare(f"{name}/lr_scale", [entry(key, of_scale) for key in both], rates * trained, rtol=SCALE_RTOL),
        identical(f"{name}/param_total", sizes.sum(), model["param_total"]),
        identical(f"{name}/param_trainable", (sizes * trained).sum(), model["param_trainable"]),
    ]
    decayed = [key for key in both if params[key]["trainable"]]
    ours = [entry(key, of_decay) * model["weight_decay"] for key in decayed]
    rows.append(compare(f"{name}/weight_decay", ours, [params[key]["weight_decay"] for key in decayed]))
    groups = {(float(np.float32(entry(key, of_scale))), bool(entry(key, of_decay))) for key in decayed}
    layers = np.float64(model["layer_decay"]) ** np.arange(config.num_layers + 1, -1, -1)
    rows.append(identical(f"{name}/num_groups", len(groups), model["num_groups"]))
    rows.append(compare(f"{name}/scales", layers, model["scales"], rtol=SCALE_RTOL))
    return rows
