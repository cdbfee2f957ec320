import math

import matplotlib as mpl
import numpy as np
import pytest

from fact_jax.reporting import curves

ROWS = [
    {"step": 10, "train/loss": 4.0, "train/frame_loss": 2.0, "learning_rate": 1e-4, "note": "x"},
    {"step": 20, "train/loss": 3.0, "train/frame_loss": math.nan},
    {"step": 20, "eval/F1@0.50": 40.0, "eval/Edit": 50.0},
    {"step": 40, "train/loss": 2.0, "eval/F1@0.50": 60.0, "eval/Edit": 55.0},
    {"step": 60, "eval/F1@0.50": 55.0, "eval/Edit": math.nan},
    {"step": 20, "train/loss": 2.5},
]


def test_rows_are_grouped_into_losses_and_scores():
    losses, scores = curves.collect_series(ROWS)
    assert list(losses) == ["train/loss", "train/frame_loss"]
    assert list(scores) == ["eval/F1@0.50", "eval/Edit"]
    steps, values = losses["train/loss"]
    # A step logged again after a resume keeps the later value.
    assert steps.tolist() == [10, 20, 40] and values.tolist() == [4.0, 2.5, 2.0]
    assert losses["train/frame_loss"][0].tolist() == [10]
    assert scores["eval/Edit"][0].tolist() == [20, 40]


def test_every_series_of_an_evaluator_that_is_no_loss_is_a_score():
    rows = [{"step": 1, "train/loss": 1.0, "train/accuracy": 0.5, "seen/top1": 40.0, "seen/error": 400.0, "pace": 3.0}]
    losses, scores = curves.collect_series([*rows, {"step": 1, "seen/loss": 2.0}])
    assert list(losses) == ["train/loss", "seen/loss"] and list(scores) == ["seen/top1", "seen/error"]
    assert curves.plot_training_curves(rows).axes[1].get_ylim()[1] > 400
    assert curves.plot_training_curves([{"step": 1, "seen/top1": 40.0}]).axes[1].get_ylim() == (-2, 104)


def test_training_curves_show_every_series_and_mark_the_best():
    figure = curves.plot_training_curves(ROWS, best_metric="F1@0.50", title="run")
    losses, scores = figure.axes
    assert [line.get_label() for line in losses.lines] == ["train/loss", "train/frame_loss"]
    *lines, best = scores.lines
    assert [line.get_label() for line in lines] == ["eval/F1@0.50", "eval/Edit"]
    assert best.get_xdata().tolist() == [40] and best.get_ydata().tolist() == [60.0]
    assert best.get_label() == "best F1@0.50 60.0 (step 40)"
    assert losses.get_xlabel() == scores.get_xlabel() == "step" and scores.get_ylabel() == "score (%)"
    assert losses.get_yscale() == "linear"


def test_scores_before_training_are_drawn_and_not_marked_as_the_best():
    before = [{"step": 0, "test/Edit": 90.0}]
    marked = curves.plot_training_curves([*before, {"step": 4, "test/Edit": 50.0}], best_metric="Edit").axes[1].lines
    assert marked[0].get_ydata().tolist() == [90.0, 50.0] and marked[-1].get_label() == "best Edit 50.0 (step 4)"
    alone = curves.plot_training_curves(before, best_metric="Edit").axes[1].lines
    assert [line.get_label() for line in alone] == ["test/Edit"]


@pytest.mark.parametrize("highest", [0.8, 1.2, 4.0, 6.9, 7.1, 50.0, 9000.0])
def test_axes_have_numbers_to_read_values_off(highest):
    figure = curves.plot_training_curves([{"step": 1, "loss": highest}, {"step": 4, "loss": 0.7, "test/Edit": 50.0}])
    losses = figure.axes[0]
    assert losses.get_yscale() == ("log" if highest >= 7 else "linear")
    for axis in (losses.xaxis, losses.yaxis):
        low, high = axis.get_view_interval()
        assert sum(low <= tick <= high for tick in axis.get_majorticklocs()) >= 2
    assert not (losses.get_xticks() % 1).any()


def test_curves_that_coincide_are_all_to_be_seen():
    rows = [{"step": step} | {f"loss_{name}": 1.0 for name in "abcd"} for step in (0, 1000)]
    axes = curves.plot_training_curves(rows).axes[0]
    axes.figure.set_dpi(300)
    axes.figure.canvas.draw()
    picture = np.asarray(axes.figure.canvas.buffer_rgba())[..., :3]
    box = axes.get_window_extent()
    inside = picture[-int(box.y1) : -int(box.y0), int(box.x0) : int(box.x1)]
    for line in axes.lines:
        color = np.array(mpl.colors.to_rgb(line.get_color())) * 255
        assert (np.abs(inside - color).max(axis=-1) < 2).sum() > 100, line.get_label()


def test_the_last_of_equally_good_steps_is_marked():
    rows = [{"step": step, "test/Edit": value} for step, value in ((1, 50.0), (2, 70.0), (3, 70.0), (4, 60.0))]
    best = curves.plot_training_curves(rows, best_metric="Edit").axes[1].lines[-1]
    assert best.get_xdata().tolist() == [3]


def test_a_loss_that_is_not_positive_has_a_linear_axis():
    assert curves.plot_training_curves([{"step": 1, "loss": 0.0}]).axes[0].get_yscale() == "linear"


def test_a_run_without_rows_says_so():
    figure = curves.plot_training_curves([])
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["no loss was logged", "no evaluation was logged"]
    figure.canvas.draw()


def test_scores_up_to_one_are_drawn_beside_percentages():
    rows = [{"step": step, "test/Tau": 0.1 * step, "test/Acc": 50.0} for step in (1, 2)]
    _, scores = curves.collect_series(rows)
    assert scores["test/Tau (%)"][1].tolist() == pytest.approx([10.0, 20.0]) and "test/Tau" not in scores
    axes = curves.plot_training_curves(rows, best_metric="Tau").axes[1]
    assert "best Tau (%) 20.0 (step 2)" in [line.get_label() for line in axes.lines]
    assert axes.get_ylim() == (-2, 104)


def test_a_score_far_below_zero_leaves_the_others_readable():
    rows = [{"step": 1, "test/Progress@1": -20.0, "test/Acc": 50.0}]
    assert curves.plot_training_curves(rows).axes[1].get_ylim() == (-104, 104)
