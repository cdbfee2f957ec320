import numpy as np
import pytest

from fact_jax.reporting.segmentation.confusion import plot_confusion


def test_confusion_is_divided_by_the_true_frames_and_annotated():
    confusion = np.array([[30, 10, 0], [0, 0, 0], [0, 0, 25_000]])
    figure = plot_confusion(confusion, ["take", "pour", "stir"], title="x")
    axes = figure.axes[0]
    shown = axes.images[0].get_array().filled(np.nan)
    np.testing.assert_allclose(shown, [[0.75, 0.25, 0], [np.nan] * 3, [0, 0, 1]])
    assert {text.get_text(): text.get_position() for text in axes.texts} == {"30": (0, 0), "10": (1, 0), "25k": (2, 2)}
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in ticks] == ["take", "pour", "stir"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")


@pytest.mark.parametrize("count, named", [(48, True), (300, False)])
def test_large_confusions_carry_no_counts_and_huge_ones_no_names(count, named):
    names = [f"class_{index}" for index in range(count)]
    axes = plot_confusion(np.ones((count, count), int), names).axes[0]
    assert len(axes.texts) == 0
    assert ([label.get_text() for label in axes.get_xticklabels()] == names) == named
    assert axes.get_xlabel() == ("predicted class" if named else "predicted class id")


@pytest.mark.parametrize("name", ["pour", "n" * 30, "take_the_" + "very_" * 14 + "long_name"])
@pytest.mark.parametrize("dataset", ["kitchen", "a_dataset_with_a_name_" * 8])
def test_long_names_leave_the_matrix_its_room_and_the_title_whole(name, dataset):
    names = ["background", name, f"{name}_again", "stir"]
    title = f"{dataset}, split1: predicted against true class of every frame"
    figure = plot_confusion(np.eye(4, dtype=int), names, title=title)
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    axes = figure.axes[0]
    assert axes.get_window_extent(renderer).width > 0.45 * figure.bbox.width
    outer = figure.get_tightbbox(renderer)  # of all that is drawn, in inches
    assert outer.x0 >= 0 and outer.y0 >= 0
    assert outer.x1 <= figure.get_figwidth() and outer.y1 <= figure.get_figheight()
    assert len({label.get_text() for label in axes.get_yticklabels()}) == 4


def test_a_confusion_of_the_wrong_size_is_refused():
    with pytest.raises(ValueError, match=r"\[2, 2\] for 2 class names"):
        plot_confusion(np.ones((3, 3), int), ["a", "b"])
