"""Files of published weights: of which system they are, what they tell a config, and their tensors as variables."""

from collections.abc import Mapping

import jax
import numpy as np

from fact_jax import run_record
from fact_jax.app import kinds
from fact_jax.models.weights import state_dict
from fact_jax.models.weights.exchange import InferredNetwork
from fact_jax.models.weights.variables import grouped, together, ungrouped
from fact_jax.training.start import evaluate_needed
from fact_jax.training.state import init_key
from fact_jax.types import UserError


def recognise(tensors: Mapping[str, np.ndarray], path) -> InferredNetwork:
    """What the state dict of a file tells about its network.

    Raises UserError if it is of no system known here, or a part is missing or of a strange shape.
    """
    for kind in kinds.KINDS:
        if (found := kind.tasks().recognise(tensors, path)) is not None:
            return found
    known = ", ".join(system for kind in kinds.KINDS for system in kind.systems)
    lines = [f"{path}: This is of no system known here, which are {known}.", f"It holds {size(tensors)}:"]
    lines += [f"  {name} {tuple(tensor.shape)}" for name, tensor in list(tensors.items())[:4]]
    raise UserError("\n".join(lines + ["  ..."] * (len(tensors) > 4)))


def adopt(config, found, explicit, checkpoint):
    """Returns the config with what the file tells, and (key, value before, value) of everything that changed.

    Arguments as of `conversion.convert`. Raises UserError where the file contradicts what is explicit.
    """
    config = config.copy_and_resolve_references()
    values, changed, problems = run_record.flatten(config.to_dict()), [], []
    for key, value, present in found.wanted(config.model):
        if value == present:
            continue
        if key in explicit and values[key] is not None:
            problems.append(f"  {key}: the settings say {present!r}, the file {value!r}")
        changed.append((key, present, value))
    if problems:
        raise UserError(
            f"{checkpoint} contradicts the settings you gave:\n" + "\n".join(problems) + "\n"
            "Leave them out to take the file's, or give the weights that belong to these settings."
        )
    consequences = [(key, values[key], value) for key, value in found.consequences().items() if key not in explicit]
    changed += [(key, present, value) for key, present, value in consequences if present != value]
    with config.unlocked():
        config.update_from_flattened_dict({key: value for key, _, value in changed})
    return config.lock(), changed


def variables(task, wanted, found, checkpoint):
    """The variables of a task, see `models.weights.variables`, from the tensors of an InferredNetwork, as float32.

    Every tensor is used and every entry filled, of a file of one part that part; else UserError. `wanted` has
    the shapes.
    """
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is named below
        tensors = {name: np.asarray(tensor, np.float32) for name, tensor in found.tensors.items()}
    broken = [name for name, tensor in tensors.items() if not np.all(np.isfinite(tensor))]
    if broken:
        raise UserError(f"{checkpoint}, read as float32, has NaN or infinite numbers in {', '.join(broken)}.")
    if found.part:
        if found.part not in grouped(wanted)["params"]:
            what = f"{checkpoint} holds {found.contents}"
            raise UserError(f"{what}, and the network that the settings give has no such part; see config.model.")
        wanted = ungrouped({group: {found.part: tree[found.part]} for group, tree in grouped(wanted).items()})
    try:
        tree = state_dict.to_flax(found.links or task.links(), tensors, wanted, ignore=found.buffers)
    except UserError as error:
        raise UserError(f"{checkpoint}: {error}") from error
    # A network may store some of them in half precision.
    return jax.tree.map(lambda array, leaf: np.asarray(array, leaf.dtype), tree, wanted)


def completed(task, config, arrays, part):
    """The variables of a network that has `part` of a file, and for the rest what a run with this seed starts with."""
    drawn = evaluate_needed(lambda key: task.init(key, arrays), init_key(config.seed))
    tree, part = grouped(together(drawn["params"], drawn["state"])), grouped(part)
    return ungrouped({group: {**modules, **part[group]} for group, modules in tree.items()})


def size(tensors: Mapping[str, np.ndarray]) -> str:
    """How much there is, for people."""
    return f"{len(tensors)} tensors, {sum(np.size(tensor) for tensor in tensors.values()):,} numbers"
