"""SIGTERM and Ctrl-C, once and twice, at every kind of moment: nothing is lost, no traceback, the right exit code."""

import pytest

from tests import jobs
from tests.survival import lives

pytestmark = pytest.mark.survival

# What is waited for, and whether the run is in its loop then.
MOMENTS = {"importing": False, "prepared": False, "step": True, "evaluation": True, "save": True, "results": False}
CASES = [(kind, name, times) for kind in MOMENTS for name, times in (("SIGTERM", 1), ("Ctrl-C", 2))]


def moment(kind, life):
    waits = {"importing": lives.Life.importing, "prepared": lives.Life.prepared, "results": life.writing_results}
    counts = {"step": life.rows, "evaluation": life.evaluations, "save": life.saves}
    return waits[kind] if kind in waits else counts[kind](2)


def test_signals_lose_nothing(tmp_path, undisturbed):
    workdir = tmp_path / "run"
    for kind, name, times in CASES:
        signum, code = jobs.SIGNALS[name]
        with lives.Life(workdir) as life:
            assert life.until(moment(kind, life)), life.end()[1]
            seen = len(life._lines())
            found, output, seconds = life.interrupt(signum, times)
        print(f"{kind}, {name} x {times}: exit code {found} after {seconds:.1f} s\n{output}", flush=True)
        assert found == code and "Traceback" not in output
        if MOMENTS[kind]:
            assert f"stopped by {name} after step" in output and f"{name}: the run ends when " in output
            assert lives.unfinished(workdir) == []
            assert len(life._lines()) >= seen, "rows are lost"
        elif kind != "importing":
            assert f"stopped by {name}; nothing is lost." in output
    lives.finish(workdir)
    assert lives.differences(lives.contents(workdir), undisturbed) == []
    assert lives.rows_are_whole(workdir) and lives.leftovers(workdir) == []
