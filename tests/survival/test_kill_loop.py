"""A run that is killed twenty times, at random moments, ends as one that nothing disturbed."""

import random
import time

import pytest

from tests.survival import lives

pytestmark = pytest.mark.survival

SEED = 5
# What is waited for before a kill, how often, and up to how many seconds later it comes.
MOMENTS = {"start": (2, 10.0), "step": (5, 0.05), "save": (7, 0.1), "evaluation": (4, 0.3)}
AT_THE_END = ("last steps", "predictions")


def plan():
    """Twenty kinds of moments, the last ones at the end of the run."""
    rng = random.Random(SEED)
    kinds = [kind for kind, (count, _) in MOMENTS.items() for _ in range(count)]
    rng.shuffle(kinds)
    return rng, [*kinds, *AT_THE_END]


def moment(kind, life, rng):
    """(what to wait for, seconds to wait after it)."""
    if kind == "start":
        return lambda life: True, rng.uniform(0, MOMENTS[kind][1])
    if kind == "predictions":
        return life.writing_results, rng.uniform(0, 0.5)
    if kind == "last steps":
        final = str(lives.STEPS)
        return lambda life: (life.workdir / "checkpoints" / final).exists(), rng.uniform(0, 0.2)
    wait = {"step": life.rows, "save": life.saves, "evaluation": life.evaluations}[kind]
    # Half of the kills come at the very moment.
    return wait(rng.randint(1, 6 if kind == "step" else 2)), rng.choice((0.0, rng.uniform(0, MOMENTS[kind][1])))


def test_twenty_kills_change_nothing(tmp_path, undisturbed):
    workdir = tmp_path / "run"
    rng, kinds = plan()
    cut_saves, start = 0, time.monotonic()
    for number, kind in enumerate(kinds):
        with lives.Life(workdir) as life:
            happened, delay = moment(kind, life, rng)
            assert life.until(happened), life.end()[1]
            time.sleep(delay)
            output = life.kill()
        assert "Traceback" not in output and life.process.returncode == -9, output
        cut_saves += bool(lives.unfinished(workdir))
        kept = sorted(path.name for path in workdir.glob("checkpoints/[0-9]*"))
        print(f"kill {number + 1}, {kind} + {delay:.3f} s, after {time.monotonic() - start:.0f} s: {kept}", flush=True)
    output = lives.finish(workdir)
    assert cut_saves, "no kill came during a save"
    assert lives.differences(lives.contents(workdir), undisturbed) == []
    assert lives.rows_are_whole(workdir) and lives.leftovers(workdir) == []
    print(f"{len(kinds)} kills, {cut_saves} of them during a save, in {time.monotonic() - start:.0f} s")
