"""SIGTERM and Ctrl-C, once and twice, at every kind of moment: nothing is lost, no traceback, the right exit code."""

import signal

import pytest

from tests.survival import lives

pytestmark = pytest.mark.survival

# (what is waited for, the signal, how often it comes, whether the run is in its loop then).
CASES = [
    ("importing", signal.SIGINT, 1, False),
    ("importing", signal.SIGTERM, 2, False),
    ("prepared", signal.SIGTERM, 1, False),
    ("prepared", signal.SIGINT, 2, False),
    ("step", signal.SIGTERM, 1, True),
    ("step", signal.SIGINT, 2, True),
    ("evaluation", signal.SIGINT, 1, True),
    ("evaluation", signal.SIGTERM, 2, True),
    ("save", signal.SIGTERM, 1, True),
    ("save", signal.SIGINT, 2, True),
    ("results", signal.SIGTERM, 1, False),
    ("results", signal.SIGINT, 2, False),
]


def moment(kind, life):
    waits = {"importing": lives.Life.importing, "prepared": lives.Life.prepared, "results": life.writing_results}
    counts = {"step": life.rows, "evaluation": life.evaluations, "save": life.saves}
    return waits[kind] if kind in waits else counts[kind](2)


def test_signals_lose_nothing(tmp_path, undisturbed):
    workdir = tmp_path / "run"
    for kind, signum, times, in_loop in CASES:
        code, name = lives.SIGNALS[signum]
        with lives.Life(workdir) as life:
            assert life.until(moment(kind, life)), life.end()[1]
            seen = len(life._lines())
            found, output, seconds = life.signal(signum, times)
        print(f"{kind}, {name} x {times}: exit code {found} after {seconds:.1f} s\n{output}", flush=True)
        assert found == code and "Traceback" not in output
        if in_loop:
            assert f"stopped by {name} after step" in output and f"{name}: the run ends when " in output
            assert lives.unfinished(workdir) == []
            assert len(life._lines()) >= seen, "rows are lost"
        elif kind != "importing":
            assert f"stopped by {name}; nothing is lost." in output
    lives.finish(workdir)
    assert lives.differences(lives.contents(workdir), undisturbed) == []
    assert lives.rows_are_whole(workdir) and lives.leftovers(workdir) == []
