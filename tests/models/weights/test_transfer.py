"""Parameters of one network put into another: what is taken, class by class, and that nothing is lost on the way."""

import numpy as np
import pytest

from fact_jax.models.weights.transfer import ClassLabels, axes_by_size, axis_labels, collapse, transfer
from fact_jax.types import UserError


def network(num_classes, start=0.0, dim=3, **more):
    """A toy of two stages; the second one reads the classes of the first."""
    tree = {
        "stage_0": {"body": np.zeros((2, dim)), "output": np.zeros((dim, num_classes))},
        "stage_1": {"input": np.zeros((num_classes, dim)), "output": np.zeros(num_classes)},
    } | more
    count = iter(range(1000))
    return {
        name: {
            key: start + np.arange(array.size).reshape(array.shape) + 1000.0 * next(count)
            for key, array in part.items()
        }
        for name, part in tree.items()
    }


def axes(params, names, count=None):
    num_classes = len(names) if names else count
    labels = ClassLabels.of(names, count).classes
    return axes_by_size(params, network(num_classes + 1, dim=params["stage_0"]["body"].shape[1]), labels)


def test_the_same_classes_take_everything_bit_for_bit():
    theirs, ours = network(3), network(3, -1e6)
    done = transfer(theirs, ours, axes(theirs, "abc"), axes(ours, "abc"))
    assert len(done.whole) == 4 and not (done.by_class or done.new or done.left)
    for name, part in theirs.items():
        for key, array in part.items():
            assert np.array_equal(done.tree[name][key], array)


def test_classes_are_taken_by_name_wherever_they_are_an_axis():
    theirs, ours = network(3), network(4, -1e6)
    done = transfer(theirs, ours, axes(theirs, "abc"), axes(ours, "cxab"))
    assert done.whole == ["stage_0/body"] and done.by_class == ["stage_0/output", "stage_1/input", "stage_1/output"]
    assert not (done.new or done.left)
    there, first, here = theirs["stage_0"]["output"], ours["stage_0"]["output"], done.tree["stage_0"]["output"]
    assert np.array_equal(here, np.stack([there[:, 2], first[:, 1], there[:, 0], there[:, 1]], axis=1))
    there, first, here = theirs["stage_1"]["input"], ours["stage_1"]["input"], done.tree["stage_1"]["input"]
    assert np.array_equal(here, np.stack([there[2], first[1], there[0], there[1]]))
    assert np.array_equal(ours["stage_1"]["input"], network(4, -1e6)["stage_1"]["input"])  # as it was


@pytest.mark.parametrize("names", [None, "xyz"])
def test_classes_of_no_known_name_start_anew(names):
    theirs, ours = network(3), network(3, -1e6)
    done = transfer(theirs, ours, axes(theirs, names, 3), axes(ours, "abc"))
    assert done.whole == ["stage_0/body"]
    assert done.new == dict.fromkeys(["stage_0/output", "stage_1/input", "stage_1/output"], "no class of the same name")
    assert done.left == list(done.new)


def test_what_is_missing_or_of_another_shape_is_named():
    theirs = network(3, old={"a": np.zeros(2), "b": np.zeros(3)})
    ours = network(3, old={"a": np.zeros(5)}, young={"a": np.zeros(1)})
    done = transfer(theirs, ours, {}, {})
    assert done.new == {"old/a": "(2,) there, (5,) here", "young/a": "not there"} and done.left == ["old/a", "old/b"]
    assert len(done.whole) == 4
    small = network(3, dim=2)
    done = transfer(small, ours, axes(small, "abc"), axes(network(3), "abc"))
    # The output does not depend on the width.
    assert done.whole == ["stage_1/output"] and done.new["stage_0/output"] == "(2, 3) there, (3, 3) here"


def test_nothing_in_common_is_an_error():
    with pytest.raises(UserError, match="No parameter has the same name and shape .*, such as b/w \\(not there\\)"):
        transfer({"a": {"w": np.zeros(2)}}, {"b": {"w": np.zeros(2)}}, {}, {})


def test_class_channels_may_lie_behind_plain_ones():
    """As in FACT: the last channels are of classes; with more classes, fewer are plain."""
    theirs, ours = {"w": np.arange(6.0)}, {"w": -np.ones(6)}
    done = transfer(theirs, ours, {"w": {-1: axis_labels(6, ("a", "b"))}}, {"w": {-1: axis_labels(6, ("b", "x", "a"))}})
    assert done.tree["w"].tolist() == [0, 1, 2, 5, -1, 4]
    # In the first half alone: the second one has no classes.
    assert axis_labels(4, ("a",), 2) == (("channel", 0), "a", ("channel", 2), ("channel", 3))
    # Another width is another network.
    with pytest.raises(UserError, match="6 channels there, 8 here"):
        transfer(
            theirs, {"w": np.zeros(8)}, {"w": {-1: axis_labels(6, ("a", "b"))}}, {"w": {-1: axis_labels(8, ("a", "b"))}}
        )


def test_entries_that_are_not_one_per_class_are_taken_for_the_same_classes_only():
    theirs, ours, more = ({"w": np.full(6, value), "v": np.ones(1)} for value in (1, 0, 0))
    more["w"] = np.zeros(8)
    found, same, others = (axes_by_size(theirs, more, names) for names in (("a", "b"), ("a", "b"), ("a", "c")))
    assert transfer(theirs, ours, found, same).whole == ["w", "v"]
    done = transfer(theirs, ours, found, others)
    assert done.new == {"w": "no class of the same name"} and done.whole == ["v"]
    done = transfer(theirs, ours, axes_by_size(theirs, more, None), same)
    assert done.new == {"w": "nothing tells which class an entry is of"}


def test_paths_are_told_by_their_common_beginnings():
    everything = ["a/x/k", "a/x/b", "a/y", "b/k", "b/b", "c"]
    assert collapse(["a/x/k", "a/x/b", "b/k", "c"], everything) == ["a/x/* (2)", "b/k", "c"]
    assert collapse(everything, everything) == ["a/* (3)", "b/* (2)", "c"]
    assert collapse([], everything) == []
