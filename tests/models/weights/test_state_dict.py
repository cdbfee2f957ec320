"""Parameters travel between PyTorch names and Flax trees without loss and without leftovers."""

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_jax.models.weights.state_dict import Link, to_flax, to_torch
from fact_jax.types import UserError

SETTINGS = settings(derandomize=True, max_examples=50, deadline=None)

# One link of every kind: plain, transposed, squeezed, stacked layers, packed tensors, both of them.
LINKS = [
    Link("query", "query", squeeze=1),
    Link("norm.weight", "norm/scale"),
    Link("linear.weight", "linear/kernel", transpose=True),
    Link("pointwise.weight", "mix/kernel", transpose=True, squeeze=2),
    Link("dilated.weight", "dilated/kernel", transpose=True),
    *[Link(f"layers.{k}.weight", "stack/kernel", k, transpose=True) for k in range(2)],
    *[
        Link(f"attention.{k}.in_proj", f"attention/{name}", k, transpose=True, part=(p, 3))
        for k in range(2)
        for p, name in enumerate(("query", "key", "value"))
    ],
]


def tensors_and_params(a=4, b=6, seed=0):
    """A state dict with the tree it should become, written out by hand."""
    rng = np.random.default_rng(seed)
    shapes = {
        "query": (5, 1, a),
        "norm.weight": (a,),
        "linear.weight": (b, a),
        "pointwise.weight": (b, a, 1),
        "dilated.weight": (b, a, 3),
        "layers.0.weight": (b, a),
        "layers.1.weight": (b, a),
        "attention.0.in_proj": (3 * a, b),
        "attention.1.in_proj": (3 * a, b),
    }
    tensors = {key: rng.normal(size=shape).astype(np.float32) for key, shape in shapes.items()}
    packed = np.stack([tensors["attention.0.in_proj"], tensors["attention.1.in_proj"]])
    params = {
        "query": tensors["query"][:, 0],
        "norm": {"scale": tensors["norm.weight"]},
        "linear": {"kernel": tensors["linear.weight"].T},
        "mix": {"kernel": tensors["pointwise.weight"][:, :, 0].T},
        "dilated": {"kernel": tensors["dilated.weight"].transpose(2, 1, 0)},
        "stack": {"kernel": np.stack([tensors["layers.0.weight"].T, tensors["layers.1.weight"].T])},
        "attention": {
            name: packed[:, k * a : (k + 1) * a].transpose(0, 2, 1) for k, name in enumerate(("query", "key", "value"))
        },
    }
    return tensors, params


def assert_same(first, second):
    first, second = (flatten_dict(x, sep="/") for x in (first, second))
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_array_equal(first[key], second[key], err_msg=key)
        assert first[key].dtype == second[key].dtype


def test_every_kind_of_link_puts_numbers_where_they_belong():
    tensors, params = tensors_and_params()
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, np.float32), params)
    assert_same(to_flax(iter(LINKS), tensors, shapes), params)
    found = to_torch(iter(LINKS), params)
    assert_same(found, tensors)
    assert all(tensor.flags["C_CONTIGUOUS"] for tensor in found.values())


@SETTINGS
@given(st.integers(1, 5), st.integers(1, 5), st.permutations(range(len(LINKS))))
def test_round_trips_in_any_order_of_links(a, b, order):
    tensors, params = tensors_and_params(a, b)
    links = [LINKS[k] for k in order]
    assert_same(to_torch(links, to_flax(links, tensors, params)), tensors)
    assert_same(to_flax(links, to_torch(links, params), params), params)


@SETTINGS
@given(
    st.booleans(),
    st.sampled_from([None, 0, 1]),
    st.sampled_from([None, (0, 1), (0, 2), (1, 2)]),
    st.lists(st.integers(1, 3), min_size=2, max_size=3),
)
def test_one_link_and_its_inverse(transpose, squeeze, part, shape):
    tensor = np.arange(np.prod(shape)).reshape(shape)
    if squeeze is not None:
        tensor = np.expand_dims(tensor, squeeze)
    if part is not None and squeeze != 0:
        tensor = np.concatenate([tensor] * part[1])
    elif part is not None:
        part = (0, 1)  # an axis of length 1 has one part only
    link = Link("t", "f", transpose=transpose, squeeze=squeeze, part=part)
    entry = link.to_flax(tensor)
    expected = np.split(tensor, part[1])[part[0]] if part else tensor
    np.testing.assert_array_equal(link.to_torch(entry), expected)
    assert entry.ndim == len(shape)


def test_ignored_tensors_need_no_place():
    tensors, params = tensors_and_params()
    extended = tensors | {"frame_pe.pe": np.zeros((10, 1, 4), np.float32)}
    assert_same(to_flax(LINKS, extended, params, ignore=["frame_pe.pe"]), params)
    with pytest.raises(UserError, match="frame_pe.pe"):
        to_flax(LINKS, extended, params)


def test_everything_wrong_is_listed_at_once():
    tensors, params = tensors_and_params()
    del tensors["norm.weight"]
    tensors["head.weight"] = np.zeros(3)
    tensors["linear.weight"] = np.zeros((2, 2), np.float32)
    tensors["layers.1.weight"] = np.zeros((7, 4), np.float32)
    del params["query"]
    params["extra"] = {"bias": np.zeros(2)}
    with pytest.raises(UserError) as caught:
        to_flax(LINKS, tensors, params)
    message = str(caught.value)
    for part in (
        "the file has head.weight",
        "needs norm.weight",
        "parameter extra/bias has no counterpart",
        "no parameter query",
        "linear.weight gives linear/kernel the shape (2, 2), expected (4, 6)",
        "layers.1.weight",
        "stack/kernel is filled only at [0] of 2",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("attention.0.in_proj", (13, 6)),
        ("attention.0.in_proj", ()),
        ("pointwise.weight", (6, 4, 3)),
        ("query", (5, 2, 4)),
    ],
)
def test_tensors_that_cannot_be_split_or_squeezed_are_wrong_shapes_too(key, shape):
    tensors, params = tensors_and_params()
    with pytest.raises(UserError, match=key):
        to_flax(LINKS, tensors | {key: np.zeros(shape, np.float32)}, params)


def test_parameters_without_a_published_name():
    _, params = tensors_and_params()
    with pytest.raises(UserError, match="extra/bias.*extra/kernel"):
        to_torch(LINKS, params | {"extra": {"kernel": np.zeros(1), "bias": np.zeros(1)}})
