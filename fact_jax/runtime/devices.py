"""How trees and batches are laid out over the devices, of one process or of many. The only module that knows about it.

Steps are `pmap` programs over the axis `fact_jax.tasks.base.BATCH_AXIS`: every array of the train state is replicated
with a leading device axis, every array of a batch is split along its rows. With several processes, each of them holds
the part of such an array that lies on its own devices; the devices of a process follow one another on the axis, so its
rows of a batch do, too.
"""

import functools
import math
from collections.abc import Callable, Iterable, Sequence

import jax
import numpy as np

from fact_jax.ops.aligned import ALIGNMENT
from fact_jax.tasks.base import BATCH_AXIS

CHUNK = 2**26  # bytes; memory of many arrays is taken in pieces of this size
BROADCAST_BYTES = 2**26  # of an array that one process sends to the others at a time


def choose(batch_size: int, devices: Sequence[jax.Device] | None = None) -> list[jax.Device]:
    """Returns the devices worth using for batches of `batch_size` videos, those of a process in a row.

    A device more than needed would only hold padded rows: six videos on four devices take two rows each, so three
    devices are as fast and pad nothing. Of several processes each takes part with a device at least, whatever it pads,
    because all of them run every program; beyond that the devices are spread evenly over them.
    By default there are all devices of all processes.
    """
    devices = sorted(devices or jax.devices(), key=lambda device: (device.process_index, device.id))
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected at least 1")
    rows_each = math.ceil(batch_size / len(devices))
    processes = [device.process_index for device in devices]
    needed = max(math.ceil(batch_size / rows_each), len(set(processes)))
    # Of every device, how many of the devices before it are in the same process.
    ranks = [processes[:place].count(process) for place, process in enumerate(processes)]
    chosen = sorted(sorted(range(len(devices)), key=lambda place: ranks[place])[:needed])
    return [devices[place] for place in chosen]


def one_per_process() -> list[jax.Device]:
    """Returns the first device of every process, in their order."""
    return choose(1)


def local(devices: Sequence[jax.Device]) -> list[jax.Device]:
    """Returns those of the devices that this process has."""
    return [device for device in devices if device.process_index == jax.process_index()]


def share(num_rows: int, devices: Sequence[jax.Device]) -> slice:
    """Returns which of so many rows of a global batch are on those of the devices that this process has."""
    rows_each = num_rows // len(devices)
    own = [place for place, device in enumerate(devices) if device.process_index == jax.process_index()]
    return slice(own[0] * rows_each, (own[-1] + 1) * rows_each)


def num_rows(batch_size: int, num_devices: int) -> int:
    """Returns `batch_size` rounded up to a multiple of the device count: the rows of a global batch."""
    return math.ceil(batch_size / num_devices) * num_devices


def parallel(function: Callable, devices: Sequence[jax.Device], *, donate: tuple[int, ...] = ()) -> jax.stages.Wrapped:
    """Compiles `function` for the devices; every argument and result has a leading axis of this process's devices."""
    devices = list(devices)
    # Without the size JAX would take the number of devices for a multiple of the number of processes.
    return jax.pmap(function, BATCH_AXIS, devices=devices, axis_size=len(devices), donate_argnums=donate)


def as_stored(tree):
    """Inside a parallel function: gives arrays back the device axis, of size 1, that they have outside; not scalars.

    An update computed in this form is written over the memory of a donated argument. Without the axis there is a change
    of shape between the two, and XLA copies every array of the train state first: with Adam on a CPU that takes 2.5
    times as long as the update itself.
    """
    return jax.tree.map(lambda leaf: leaf[None] if leaf.ndim else leaf, tree)


def from_stored(tree):
    """The inverse of `as_stored`."""
    return jax.tree.map(lambda leaf: leaf[0] if leaf.ndim else leaf, tree)


def replicate(tree, devices: Sequence[jax.Device]):
    """Puts a copy of every leaf on every device of this process; all processes give the same tree.

    The copies are fresh memory: a step that donates them may not overwrite the arrays they came from.
    """
    devices = local(devices)
    leaves, structure = jax.tree.flatten(jax.tree.map(np.asarray, tree))
    # A CPU device shares the memory of aligned arrays, whatever `may_alias` of `device_put` says. Others copy anyway.
    shards = [_copies(leaves) if device.platform == "cpu" else leaves for device in devices]
    sharding = _sharding(devices)

    def put(*copies):
        placed = [jax.device_put(copy[None], device) for copy, device in zip(copies, devices, strict=True)]
        return jax.make_array_from_single_device_arrays((len(devices), *copies[0].shape), sharding, placed)

    return jax.tree.unflatten(structure, map(put, *shards))


def unreplicate(tree):
    """Returns the first device's copy of every leaf as numpy arrays that share no memory with the devices."""
    leaves, structure = jax.tree.flatten(tree)
    shards = (jax.device_get(leaf.addressable_shards[0].data)[0] for leaf in leaves)
    return jax.tree.unflatten(structure, _copies(shards))


def copy_unless_donated(tree, copy: Callable):
    """Returns `copy(tree)`, or None if a program that another thread starts was given memory of the tree meanwhile."""

    def donated():
        return any(leaf.is_deleted() for leaf in jax.tree.leaves(tree))

    try:
        copied = copy(tree)
    except RuntimeError:
        if not donated():
            raise
        return None
    return None if donated() else copied


def _copies(arrays: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Copies of arrays, aligned, in pieces of memory so large that the system hands them out in huge pages.

    In pages of 4 KiB the first touch of a gigabyte takes longer than copying it.
    """
    copies: list[np.ndarray] = []
    free = np.empty(0, np.uint8)
    for array in arrays:
        size = -(-array.nbytes // ALIGNMENT) * ALIGNMENT
        if size > free.size:
            free = np.empty(max(size, CHUNK) + ALIGNMENT, np.uint8)
            free = free[-free.ctypes.data % ALIGNMENT :]
        copy = free[: array.nbytes].view(array.dtype).reshape(array.shape)
        copy[...] = array
        copies.append(copy)
        free = free[size:]
    return copies


def differing_leaves(tree, devices: Sequence[jax.Device] | None = None) -> list[str]:
    """Returns the paths of replicated leaves whose copies are not the same on all devices.

    With several processes all of them call this, and the devices of all are compared; None: those of this process.
    """
    differing = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        copies = np.asarray(jax.device_get(leaf))
        if devices is not None and len(devices) > len(copies):
            copies = gather(leaf[:, None], devices)
        if any(copies[0].tobytes() != copy.tobytes() for copy in copies[1:]):
            differing.append(jax.tree_util.keystr(path))
    return differing


def shard(arrays, num_devices: int):
    """Splits the rows of host arrays over devices: [B, ...] -> [devices, B / devices, ...], or raises ValueError."""

    def split(array):
        rows = array.shape[0]
        if rows % num_devices:
            raise ValueError(f"{rows} rows cannot be split over {num_devices} devices; expected a multiple")
        return array.reshape(num_devices, rows // num_devices, *array.shape[1:])

    return jax.tree.map(split, arrays)


def place(arrays, devices: Sequence[jax.Device]):
    """Puts host arrays on the devices of this process, rows split as by `shard`. They may share memory with the arrays.

    The copies to an accelerator run while the host goes on; those to CPUs are complete. `arrays` are the rows of this
    process, see `share`; `devices` those of all.
    """
    devices = local(devices)
    placed = jax.device_put(shard(arrays, len(devices)), _sharding(devices))
    # A program that has to wait for its input runs in a thread of JAX's, see `host_memory`.
    return jax.block_until_ready(placed) if devices[0].platform == "cpu" else placed


def outline(tree):
    """What tells shapes, types and places of arrays on devices: enough to compile a program for them."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding), tree)


def place_outline(arrays, devices: Sequence[jax.Device]):
    """`outline` of what `place` would give; of the arrays only shapes and types count."""
    devices = local(devices)
    sharding = _sharding(devices)

    def split(array):
        shape = (len(devices), array.shape[0] // len(devices), *array.shape[1:])
        return jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(array.dtype), sharding=sharding)

    return jax.tree.map(split, arrays)


def unshard(tree):
    """Fetches arrays [devices, B / devices, ...] to the host and joins their rows: [B, ...]; those of this process."""
    return jax.tree.map(lambda array: array.reshape(-1, *array.shape[2:]), jax.device_get(tree))


def gather(tree, devices: Sequence[jax.Device]):
    """As `unshard`, with the rows of all processes, in all of them; every process has to call it."""
    if len(local(devices)) == len(devices):
        return unshard(tree)
    return unshard(jax.tree.map(_first_copy, collective(jax.lax.all_gather, tuple(devices))(tree)))


@functools.cache
def collective(reduce: Callable, devices: tuple[jax.Device, ...]) -> Callable:
    """Returns `reduce`, such as `jax.lax.psum`, over the devices as a compiled program."""
    return parallel(lambda tree: reduce(tree, BATCH_AXIS), devices)


def connect(devices: Sequence[jax.Device]) -> None:
    """Has the devices of several processes make their connections, for which none of them waits long for another."""
    if len(local(devices)) < len(devices):
        words = np.zeros((len(local(devices)), 1), np.uint32)
        jax.block_until_ready(collective(jax.lax.psum, tuple(devices))(place(words, devices)))


def _first_copy(array):
    return array.addressable_shards[0].data[0]


def broadcast(tree, devices: Sequence[jax.Device], *, is_source: bool):
    """Returns the arrays of one process in all of them, as NumPy arrays, bit for bit; every process has to call it.

    `multihost_utils.broadcast_one_to_all` of JAX wants as many devices in every process, and makes -0.0 a 0.0.
    `devices` are one of every process. In all but the source the arrays have the same shapes and types, any content.
    """
    return jax.tree.map(lambda leaf: _broadcast_array(np.asarray(leaf), devices, is_source), tree)


def _broadcast_array(array, devices, is_source):
    received = np.empty(array.nbytes, np.uint8)
    content = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    for start in range(0, array.nbytes, BROADCAST_BYTES):
        piece = content[start : start + BROADCAST_BYTES]
        # Few lengths, so few programs; whole words, because not every collective knows bytes.
        padded = np.zeros(max(1024, 1 << (piece.size - 1).bit_length()), np.uint8)
        if is_source:
            padded[: piece.size] = piece
        words = place(padded.view(np.uint32)[None], devices)
        summed = _first_copy(collective(jax.lax.psum, tuple(devices))(words))
        received[start : start + piece.size] = np.asarray(summed).reshape(-1).view(np.uint8)[: piece.size]
    return received.view(array.dtype).reshape(array.shape)


def _sharding(devices: Sequence[jax.Device]) -> jax.sharding.NamedSharding:
    mesh = jax.sharding.Mesh(np.array(devices), (BATCH_AXIS,))
    return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(BATCH_AXIS))
