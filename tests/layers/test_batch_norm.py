"""Batch normalisation: whose statistics, and which running ones."""

import jax
import numpy as np
import pytest

from fact_jax.layers.batch_norm import Batch, BatchNorm
from fact_jax.layers.chunks import in_chunks

SHAPE = (3, 5, 2, 4)  # B T W C
NORM = BatchNorm(SHAPE[-1])


def chunked(norm, x, chunk, batch):
    return in_chunks([(norm, lambda module, part: module(part, batch))], x, chunk)


def case():
    rng = np.random.default_rng(0)
    x = rng.normal(size=SHAPE).astype(np.float32)
    variables = {
        "params": {"scale": rng.normal(size=4).astype(np.float32), "bias": rng.normal(size=4).astype(np.float32)},
        "batch_stats": {"mean": rng.normal(size=4).astype(np.float32), "variance": np.full(4, 2.0, np.float32)},
    }
    return x, variables


@pytest.mark.parametrize("rows", [(0, 1, 2), (0, 2)])
def test_every_chunk_has_its_statistics_and_moves_the_running_ones_in_order(rows):
    x, variables = case()
    mask = np.isin(np.arange(3), rows)
    found, moved = NORM.apply(variables, x, 2, Batch(mask), method=chunked, mutable="batch_stats")
    params, running = variables["params"], dict(variables["batch_stats"])
    for start in (0, 2, 4):  # the last chunk is shorter
        part = x[list(rows), start : start + 2].astype(np.float64)
        mean, variance = part.mean((0, 1, 2)), part.var((0, 1, 2))
        wanted = (part - mean) / np.sqrt(variance + 1e-5) * params["scale"] + params["bias"]
        np.testing.assert_allclose(found[list(rows), start : start + 2], wanted, atol=1e-5)
        unbiased = part.reshape(-1, 4).var(0, ddof=1)
        running["mean"] = 0.9 * running["mean"] + 0.1 * mean
        running["variance"] = 0.9 * running["variance"] + 0.1 * unbiased
    for name, wanted in running.items():
        np.testing.assert_allclose(moved["batch_stats"][name], wanted, rtol=1e-5)


def test_in_evaluation_the_running_statistics_normalise_and_stay():
    x, variables = case()
    found, moved = NORM.apply(variables, x, None, mutable="batch_stats")
    params, running = variables["params"], variables["batch_stats"]
    wanted = (x - running["mean"]) / np.sqrt(running["variance"] + 1e-5) * params["scale"] + params["bias"]
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    np.testing.assert_array_equal(moved["batch_stats"]["mean"], running["mean"])


def test_two_devices_share_their_statistics():
    x, variables = case()
    x = np.concatenate([x, x[:1] + 1.0])

    def run(x, mask):
        return NORM.apply(variables, x, 2, Batch(mask, "batch"), method=chunked, mutable="batch_stats")

    mask = np.array([True, True, True, False])
    parts = jax.pmap(run, axis_name="batch", devices=jax.local_devices()[:2])(
        x.reshape(2, 2, *SHAPE[1:]), mask.reshape(2, 2)
    )
    wanted, moved = NORM.apply(variables, x, 2, Batch(mask), method=chunked, mutable="batch_stats")
    np.testing.assert_allclose(parts[0].reshape(x.shape)[:3], wanted[:3], atol=1e-6)
    for name, statistic in moved["batch_stats"].items():
        np.testing.assert_allclose(parts[1]["batch_stats"][name], np.stack([statistic] * 2), rtol=1e-6)
