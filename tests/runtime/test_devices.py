"""Layout of trees and batches over devices."""

from typing import NamedTuple

import jax
import numpy as np
import pytest

from fact_jax.runtime import devices as layout


@pytest.mark.parametrize(
    "batch_size, available, expected", [(1, 8, 1), (4, 8, 4), (8, 8, 8), (6, 4, 3), (9, 8, 5), (16, 8, 8), (5, 1, 1)]
)
def test_chosen_devices_pad_as_little_as_possible(batch_size, available, expected):
    chosen = layout.choose(batch_size, jax.local_devices()[:available])
    assert len(chosen) == expected
    # Never more rows per device than with all devices.
    rows = layout.num_rows(batch_size, len(chosen))
    assert rows // len(chosen) == -(-batch_size // available)
    assert rows >= batch_size and rows % len(chosen) == 0


class FakeDevice(NamedTuple):
    process_index: int
    id: int


def fake_devices(counts):
    """Devices of several processes, in an order that mixes them, as on a torus of TPUs."""
    devices = [
        FakeDevice(process, 100 * process + number) for process, count in enumerate(counts) for number in range(count)
    ]
    return devices[::2] + devices[1::2]


@pytest.mark.parametrize(
    "batch_size, counts, expected",
    [
        (4, (2, 2), [2, 2]),
        (4, (2, 2, 2), [2, 1, 1]),  # six devices, four videos
        (3, (2, 2), [2, 1]),
        (5, (2, 2), [2, 1]),  # two rows on each of three
        (2, (8, 8), [1, 1]),
        (1, (2, 2, 2), [1, 1, 1]),  # fewer videos than processes: two of them pad
        (9, (1, 3), [1, 2]),  # three rows on each of three
        (64, (4, 4, 4, 4), [4, 4, 4, 4]),
    ],
)
def test_every_process_takes_part_and_has_its_rows_in_a_row(monkeypatch, batch_size, counts, expected):
    chosen = layout.choose(batch_size, fake_devices(counts))
    assert [sum(device.process_index == process for device in chosen) for process in range(len(counts))] == expected
    rows = layout.num_rows(batch_size, len(chosen))
    assert rows >= batch_size and rows % len(chosen) == 0
    shares = []
    for process in range(len(counts)):
        monkeypatch.setattr(jax, "process_index", lambda process=process: process)
        shares += range(rows)[layout.share(rows, chosen)]
        assert layout.local(chosen) == [device for device in chosen if device.process_index == process]
    assert shares == list(range(rows))


def test_one_process_has_all_rows_and_gathers_nothing():
    devices = jax.local_devices()[:2]
    assert layout.share(6, devices) == slice(0, 6)
    arrays = {"x": np.arange(12).reshape(6, 2)}
    np.testing.assert_array_equal(layout.gather(layout.shard(arrays, 2), devices)["x"], arrays["x"])
    assert layout.one_per_process() == jax.devices()[:1]


def test_a_broadcast_keeps_every_bit(monkeypatch):
    monkeypatch.setattr(layout, "BROADCAST_BYTES", 4096)
    rng = np.random.default_rng(0)
    tree = {
        "special": np.array([-0.0, np.nan, np.inf, 1e-45], np.float32),
        "large": rng.normal(size=(70, 50)),
        "bytes": np.arange(7, dtype=np.uint8),
        "flags": np.array([True, False]),
        "none": np.zeros((0, 3)),
        "number": np.int64(-5),
        "reversed": np.arange(6.0).reshape(2, 3).T,
    }
    found = layout.broadcast(tree, jax.devices()[:1], is_source=True)
    for name, array in tree.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()
    others = layout.broadcast(tree, jax.devices()[:1], is_source=False)
    assert not any(np.any(array) for array in others.values())  # nobody sent anything


def test_choose_rejects_an_empty_batch():
    with pytest.raises(ValueError, match="batch_size is 0"):
        layout.choose(0)


def test_replicate_and_unreplicate_are_inverse_and_share_no_memory():
    tree = {"a": np.arange(6.0, dtype=np.float32).reshape(2, 3), "b": (np.int32(4), np.zeros((0, 2), np.float32))}
    devices = jax.local_devices()[:3]
    placed = layout.replicate(tree, devices)
    assert placed["a"].shape == (3, 2, 3)
    assert {shard.device for shard in placed["a"].addressable_shards} == set(devices)
    back = layout.unreplicate(placed)
    jax.tree.map(np.testing.assert_array_equal, back, tree)
    donated = layout.parallel(lambda x: jax.tree.map(lambda leaf: leaf + 1, x), devices, donate=(0,))(placed)
    np.testing.assert_array_equal(back["a"], tree["a"])
    np.testing.assert_array_equal(layout.unreplicate(donated)["a"], tree["a"] + 1)


def test_copies_of_many_sizes_are_their_arrays_and_lie_apart(monkeypatch):
    monkeypatch.setattr(layout, "CHUNK", 1000)
    rng = np.random.default_rng(0)
    shapes = [(), (0, 3), (1,), (7, 5), (300,), (251,), (2, 2), (16, 64), (3,)]
    arrays = [rng.normal(size=shape).astype(dtype) for shape in shapes for dtype in (np.float32, np.int8, np.float16)]
    placed = layout.replicate(arrays, jax.local_devices()[:2])
    for back in (layout.unreplicate(placed), [np.asarray(leaf)[1] for leaf in placed]):
        for found, expected in zip(back, arrays, strict=True):
            np.testing.assert_array_equal(found, expected)
            assert not np.shares_memory(found, expected)
    copies = layout.unreplicate(placed)
    for number, copy in enumerate(copies):
        copy[...] = number
    assert all((copy == number).all() for number, copy in enumerate(copies))


def test_stored_form_has_the_device_axis_of_everything_but_scalars():
    tree = {"x": np.zeros((2, 3)), "count": np.zeros(())}
    stored = layout.as_stored(tree)
    assert stored["x"].shape == (1, 2, 3) and stored["count"].shape == ()
    assert jax.tree.map(np.shape, layout.from_stored(stored)) == jax.tree.map(np.shape, tree)


def test_differing_leaves_names_the_leaf():
    devices = jax.local_devices()[:2]
    same = layout.replicate({"x": np.float32(np.nan)}, devices)  # NaN is the same on both
    assert layout.differing_leaves(same) == []
    different = layout.parallel(lambda x: {"y": x}, devices)(np.arange(2.0))
    assert layout.differing_leaves(different) == ["['y']"]


def test_shard_and_unshard_keep_the_order_of_rows():
    arrays = {"x": np.arange(24).reshape(8, 3)}
    sharded = layout.shard(arrays, 4)
    assert sharded["x"].shape == (4, 2, 3)
    np.testing.assert_array_equal(layout.unshard(sharded)["x"], arrays["x"])
    with pytest.raises(ValueError, match="8 rows cannot be split over 3 devices"):
        layout.shard(arrays, 3)
