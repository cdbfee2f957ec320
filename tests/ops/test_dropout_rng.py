"""Random numbers are uniform, independent of each other and independent of padding."""

import functools
import itertools

import jax
import numpy as np
import pytest

from fact_jax.ops import dropout_rng
from tests.ragged import host_jit

SALT = dropout_rng.salt(("block_0", "Dropout_0"))

# One program per shape: without compilation every elementwise step of the hash would be one.
video_seeds = host_jit(dropout_rng.video_seeds)
random_bits = host_jit(dropout_rng.random_bits, static_argnums=2)
random_uniform = host_jit(dropout_rng.random_uniform, static_argnums=2)
random_keep = host_jit(dropout_rng.random_keep, static_argnums=(2, 3))
fold = host_jit(dropout_rng.fold)


@functools.cache
def seeds(rows=8, key=0):
    return video_seeds(jax.random.key(key), np.arange(rows))


def correlation(first, second):
    return np.corrcoef(np.ravel(first), np.ravel(second))[0, 1]


@functools.cache
def sample():
    """Uniform numbers [8, 64, 128]: 65,536 of them."""
    return np.asarray(random_uniform(seeds(), SALT, (8, 64, 128)), np.float64)


def test_uniform_numbers_fill_the_unit_interval_evenly():
    values = sample()
    assert values.min() >= 0.0
    assert values.max() < 1.0
    # Five standard deviations of the mean (1/sqrt(12 n)) and of the variance (1/sqrt(180 n)).
    assert abs(values.mean() - 1 / 2) < 5 / np.sqrt(12 * values.size)
    assert abs(values.var() - 1 / 12) < 5 / np.sqrt(180 * values.size)
    counts, _ = np.histogram(values, bins=256, range=(0, 1))
    expected = values.size / 256
    statistic = np.sum((counts - expected) ** 2 / expected)
    # Chi-square with 255 degrees of freedom: mean 255, standard deviation sqrt(510).
    assert abs(statistic - 255) < 5 * np.sqrt(510)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_line_of_numbers_is_uniform_on_its_own(axis):
    values = np.moveaxis(sample(), axis, 0).reshape(sample().shape[axis], -1)
    assert np.max(np.abs(values.mean(axis=1) - 0.5)) < 5 / np.sqrt(12 * values.shape[1])


def test_every_bit_is_set_half_of_the_time():
    bits = np.asarray(random_bits(seeds(), SALT, (8, 64, 128)))
    share = np.array([np.mean((bits >> shift) & 1) for shift in range(32)])
    assert np.max(np.abs(share - 0.5)) < 5 * 0.5 / np.sqrt(bits.size)


@pytest.mark.parametrize(("axis", "distance"), [*itertools.product((0, 1, 2), (1, 2, 4))])
def test_neighbours_are_uncorrelated(axis, distance):
    values = np.moveaxis(sample(), axis, 0)
    first, second = values[:-distance], values[distance:]
    assert abs(correlation(first, second)) < 5 / np.sqrt(first.size)
    # Also after folding around the middle, where a linear correlation would see nothing.
    assert abs(correlation(np.abs(first - 0.5), np.abs(second - 0.5))) < 5 / np.sqrt(first.size)


def test_time_and_channel_do_not_trade_places():
    square = sample()[:, :64, :64]
    upper = np.triu_indices(64, 1)
    first, second = square[:, upper[0], upper[1]], square[:, upper[1], upper[0]]
    assert abs(correlation(first, second)) < 5 / np.sqrt(first.size)


def numbers(seeds, salt=SALT):
    return random_uniform(seeds, salt, (8, 16, 32))


@pytest.mark.parametrize("of", ["layers", "steps", "folds"])
def test_layers_steps_and_folded_seeds_are_independent(of):
    if of == "layers":
        names = [("a", f"Dropout_{k}") for k in range(4)] + [("b", "Dropout_0"), ("a", "b"), ()]
        values = [numbers(seeds(), dropout_rng.salt(name)) for name in names]
    elif of == "steps":
        values = [numbers(seeds(8, key)) for key in range(3)]
    else:
        values = [numbers(seeds()), *(numbers(fold(seeds(), index)) for index in range(4))]
    for first, second in itertools.combinations(values, 2):
        assert abs(correlation(first, second)) < 5 / np.sqrt(first.size)


def test_salts_are_the_same_in_every_process():
    assert dropout_rng.salt(("block_0", "Dropout_0")) == 0x33E003D4
    assert dropout_rng.salt(("ab", "c")) != dropout_rng.salt(("a", "bc"))


@pytest.mark.parametrize("small", [(1, 5, 3), (2, 1, 3), (2, 5, 1), (2, 9, 4, 2)])
def test_padding_an_axis_changes_no_number(small):
    large = tuple(2 * size + 1 for size in small)
    few = random_bits(seeds()[: small[0]], SALT, small)
    many = random_bits(seeds()[: large[0]], SALT, large)
    assert few.shape == small
    assert few.dtype == np.uint32
    np.testing.assert_array_equal(few, many[tuple(slice(size) for size in small)])


def test_a_row_keeps_its_numbers_wherever_it_is_computed():
    key = jax.random.key(3)
    alone, shuffled = video_seeds(key, np.array([5])), video_seeds(key, np.array([2, 5, 0]))
    np.testing.assert_array_equal(alone[0], shuffled[1])
    assert len({tuple(row) for row in np.asarray(shuffled).tolist()}) == 3
    np.testing.assert_array_equal(random_bits(alone, SALT, (1, 4, 4))[0], random_bits(shuffled, SALT, (3, 4, 4))[1])


def test_seeds_depend_on_row_and_key():
    table = np.concatenate([seeds(64, key) for key in range(4)])
    assert table.dtype == np.uint32
    assert len(np.unique(table, axis=0)) == len(table)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_keep_has_the_asked_rate(rate):
    keep = np.asarray(random_keep(seeds(), SALT, (8, 64, 64), rate))
    assert keep.dtype == bool
    assert abs(keep.mean() - (1 - rate)) <= 5 * np.sqrt(rate * (1 - rate) / keep.size)


def test_a_higher_rate_drops_more_of_the_same():
    low, high = (np.asarray(random_keep(seeds(), SALT, (8, 64, 64), rate)) for rate in (0.1, 0.5))
    assert not np.any(high & ~low)


def test_layers_of_a_shape_differ_in_no_loop():
    """A salt is an operand of the loop that draws: XLA then compiles one loop for all layers."""
    salts = [dropout_rng.salt(("block_0", f"Dropout_{number}")) for number in range(2)]

    def layers(seeds, x):
        for layer_salt in salts:
            x = np.float32(2) * x * dropout_rng.random_keep(seeds, layer_salt, x.shape, 0.5)
        return x

    text = jax.jit(layers).lower(seeds(), np.ones((8, 16, 32), np.float32)).compile().as_text()
    for layer_salt in salts:
        lines = [line for line in text.splitlines() if f"{layer_salt}" in line]
        assert lines
        assert all("constant({" in line for line in lines)
