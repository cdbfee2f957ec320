"""Hours become steps: equal shares, never more than there is, and what one does not need goes to the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import mstcn_custom
from fact_jax.app.comparison import child
from fact_jax.app.comparison.budget import RESERVE, Pace, plan_steps, shortened
from fact_jax.types import UserError

PACE = st.builds(Pace, st.floats(0.01, 2.0), st.floats(0.0, 100.0), st.integers(1, 10_000))


@given(PACE, PACE, st.integers(1, 20), st.floats(10.0, 1e6))
def test_the_time_is_kept_and_shared(one, other, runs_each, seconds):
    paces = {"mstcn": one, "fact": other}
    try:
        steps = plan_steps(paces, runs_each, seconds)
    except UserError as error:
        assert "hours or more" in str(error)
        return
    taken = {name: pace.overhead_seconds + pace.step_seconds * steps[name] for name, pace in paces.items()}
    number = len(paces) * runs_each + 1
    assert sum(taken.values()) * runs_each + max(taken.values()) <= seconds * (1 - RESERVE) * (1 + 1e-9)
    for name, pace in paces.items():
        assert 1 <= steps[name] <= pace.total_steps
        # Whoever trains for less than its config says has its share, to a step.
        full = steps[name] == pace.total_steps
        assert full or taken[name] + pace.step_seconds >= seconds * (1 - RESERVE) / number * (1 - 1e-9)


def test_too_little_time_says_how_much_is_needed():
    with pytest.raises(UserError, match=r"0.01 hours for 7 runs, of which those of fact would make no step: give 0.2"):
        plan_steps({"mstcn": Pace(0.1, 2.0, 100), "fact": Pace(1.0, 100.0, 100)}, 3, 36.0)


def test_a_stopwatch_counts_training_alone(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(child.time, "perf_counter", lambda: now[0])
    watch = child.Stopwatch()

    def after(seconds, call, *arguments):
        now[0] += seconds
        call(*arguments)

    watch.begin("train", 3)
    after(1, watch.progress, 1)
    after(50, watch.restart_clock, 1)  # a program was compiled
    for step in (2, 3):
        after(1, watch.progress, step)
        after(1, watch.progress, step, "loss 1")
    watch.pace(3, 3)
    after(50, watch.progress, 3, "evaluation batch 1")
    watch.begin("evaluate test", 2)
    after(50, watch.progress, 1)
    assert (watch.seconds, watch.steps) == (5.0, 3)


def test_the_learning_rate_shrinks_with_the_steps():
    config = mstcn_custom.get_config().copy_and_resolve_references()
    with config.unlocked():
        config.optimizer.update({"decay_epoch": 40, "warmup_epochs": 0, "milestones": (30, 60)})
    found = shortened(config, 250, 1000)
    assert (found.train.steps, found.train.eval_every, found.train.log_every) == (250, 50, 13)
    assert (found.optimizer.decay_epoch, found.optimizer.warmup_epochs, found.optimizer.milestones) == (10, 0, (8, 15))
