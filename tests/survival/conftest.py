"""The run that nothing disturbs."""

import pytest

from tests.survival import lives


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """`lives.contents` of a run that nothing disturbed."""
    workdir = tmp_path_factory.mktemp("undisturbed") / "run"
    lives.finish(workdir)
    assert lives.rows_are_whole(workdir) and lives.leftovers(workdir) == []
    return lives.contents(workdir)
