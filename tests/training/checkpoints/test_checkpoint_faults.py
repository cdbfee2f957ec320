"""Checkpoints that were damaged, copied from elsewhere or cut short: found out, said, and gone around."""

import errno
import json
import os
import re
import shutil

import jax
import pytest

from fact_jax.training.checkpoints import errors as errors
from fact_jax.training.checkpoints import folders as folders
from fact_jax.training.checkpoints import integrity
from fact_jax.training.checkpoints import manager as checkpoint_store
from fact_jax.training.checkpoints.manager import CheckpointError, Checkpoints, checksum
from fact_jax.training.checkpoints.weights import choose_step
from fact_jax.types import UserError
from tests.training.checkpoints.saved import damage, make_items, save


def metadata(folder):
    return folder / "5" / "meta" / "metadata"


def edit_meta(folder, **changes):
    metadata(folder).write_text(json.dumps(integrity.seal(json.loads(metadata(folder).read_text()) | changes)))


def cut_short(folder):
    for path in (folder / "5" / "params").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def forge_checksum(folder):
    edit_meta(folder, checksums=json.loads(metadata(folder).read_text())["checksums"] | {"params": "0" * 64})


def orbax_metadata(folder):
    return folder / "5" / checkpoint_store.ORBAX_METADATA


# What harms step 5, or 99, and the reason that is given.
FAULTS = {
    "a bit": (lambda folder: damage(folder, 5), "checksum of 'params' is wrong|cannot be read"),
    "cut short": (cut_short, "cannot be read"),
    "no item": (lambda folder: (folder / "5" / "state").rename(folder.parent / "gone"), "cannot be read"),
    "broken meta": (lambda folder: metadata(folder).write_text("{"), "cannot be read"),
    "changed meta": (
        lambda folder: metadata(folder).write_text(metadata(folder).read_text().replace("2.0", "9.0")),
        "the checksum of its metadata is wrong",
    ),
    "forged checksum": (forge_checksum, "checksum of 'params' is wrong"),
    "other step": (lambda folder: edit_meta(folder, step=6), "its metadata is not that of this step"),
    "no metadata of Orbax": (lambda folder: orbax_metadata(folder).unlink(), "_CHECKPOINT_METADATA"),
    "broken metadata of Orbax": (lambda folder: orbax_metadata(folder).write_bytes(b"\0" * 20), "cannot be read"),
    "empty step": (lambda folder: (folder / "99").mkdir(), "_CHECKPOINT_METADATA"),
}


def two_steps(folder, **options):
    with Checkpoints(folder, keep_latest=2, **options) as checkpoints:
        save(checkpoints, 4, 1.0)
        save(checkpoints, 5, 2.0)


@pytest.mark.parametrize("fault", FAULTS)
def test_damaged_latest_falls_back_to_the_one_before(tmp_path, caplog, fault):
    folder, bad = tmp_path / "checkpoints", 99 if fault == "empty step" else 5
    harm, reason = FAULTS[fault]
    two_steps(folder)
    harm(folder)
    lines = []
    with Checkpoints(folder, keep_latest=2) as checkpoints:
        items, meta = checkpoints.restore_latest(make_items(0), lines.append)
        expected = 5 if bad == 99 else 4
        assert meta["step"] == expected and items["params"]["dense"]["kernel"][0, 0] == expected
        assert (tmp_path / "damaged" / str(bad)).is_dir()
        assert lines[0].startswith(f"warning: cannot resume from step {bad}: {folder / str(bad)} ")
        assert re.search(reason, lines[0]) and "tensorstore_spec" not in lines[0]
        assert lines[-1].endswith(f"falling back to the checkpoint of step {expected}")
        # The run goes on from there, over the number of the damaged one.
        save(checkpoints, 6 if bad == 99 else 5, 3.0)
        checkpoints.wait()
        assert checkpoints.best_step() == (6 if bad == 99 else 5)
    assert not [record for record in caplog.records if record.exc_info]


def test_a_key_that_is_missing_is_called_one():
    assert errors.reason_of(KeyError("key_type")) == "KeyError 'key_type'"
    assert errors.reason_of(ValueError()) == "ValueError"
    assert errors.reason_of(OSError("checksum is wrong [tensorstore_spec='{}'] ...\nmore")) == "checksum is wrong"


def test_whatever_bit_is_flipped_it_is_found_or_changes_nothing(tmp_path):
    two_steps(tmp_path / "c")
    whole = tmp_path / "c" / "5"
    found = set()
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    with Checkpoints(tmp_path / "c", read_only=True) as checkpoints:
        expected, meta = checkpoints.restore(5, make_items(0))
    for number, path in enumerate(files):
        content = (whole / path).read_bytes()
        place = len(content) * (number % 5) // 5
        (whole / path).write_bytes(content[:place] + bytes([content[place] ^ 1 << number % 8]) + content[place + 1 :])
        with Checkpoints(tmp_path / "c", read_only=True) as checkpoints:
            try:
                items, found_meta = checkpoints.restore(5, make_items(0))
                assert checksum(items) == checksum(expected), path
                assert {key: found_meta.get(key) for key in meta if key != integrity.SEAL} == {
                    key: value for key, value in meta.items() if key != integrity.SEAL
                }, path
            except CheckpointError as error:
                assert str(whole) in str(error)
                found.add(str(path.parent))
        (whole / path).write_bytes(content)
    assert {".", "meta", "params", "params/d", "opt_state", "opt_state/d", "state", "state/d"} <= found


RUN = {"config": {"seed": 0, "optimizer.learning_rate": 0.1}, "data": {"labels_sha256": "ab"}}
OTHER = {"config": {"seed": 0, "optimizer.learning_rate": 0.2}, "data": {"labels_sha256": "cd"}}


def test_a_checkpoint_may_name_settings_that_are_names_by_now(tmp_path):
    two_steps(tmp_path / "c", run=RUN | {"config": RUN["config"] | {"data.dataset": "gtea"}})
    with Checkpoints(tmp_path / "c", run=RUN) as checkpoints:
        assert checkpoints.restore(5, make_items(0))[1]["step"] == 5


def test_a_checkpoint_of_another_run_is_refused_and_stays(tmp_path):
    two_steps(tmp_path / "mine" / "c", run=RUN)
    two_steps(tmp_path / "theirs" / "c", run=OTHER)
    (tmp_path / "theirs" / "c" / "5").rename(tmp_path / "mine" / "c" / "7")
    edit = tmp_path / "mine" / "c" / "7" / "meta" / "metadata"
    edit.write_text(json.dumps(integrity.seal(json.loads(edit.read_text()) | {"step": 7})))
    words = (
        r"c/7 is a checkpoint of another run:\n  config.optimizer.learning_rate: 0.2 there, 0.1 now\n"
        r"  data.labels_sha256: 'cd' there, 'ab' now\nMove it away"
    )
    with Checkpoints(tmp_path / "mine" / "c", run=RUN) as checkpoints:
        for use in (
            lambda: checkpoints.restore_latest(make_items(0), print),
            lambda: checkpoints.restore(7, make_items(0)),
            lambda: choose_step(checkpoints, None, print),
        ):
            with pytest.raises(UserError, match=words):
                use()
        assert checkpoints.steps() == [4, 5, 7]
    shutil.rmtree(tmp_path / "mine" / "c" / "7")
    with Checkpoints(tmp_path / "mine" / "c", run=RUN) as checkpoints:
        assert checkpoints.restore_latest(make_items(0), print)[1]["run"] == RUN
    with Checkpoints(tmp_path / "mine" / "c") as checkpoints:  # a run that says nothing of itself takes any
        assert checkpoints.restore_latest(make_items(0), print)[1]["step"] == 5


def test_what_a_killed_process_leaves_is_ignored_and_removed(tmp_path):
    folder = tmp_path / "c"
    two_steps(folder)
    shutil.copytree(folder / "5", folder / "6.orbax-checkpoint-tmp")
    (folder / folders.REMOVED / "3").mkdir(parents=True)
    # Killed while step 5 was replaced by the same step with metrics: the new one has no name yet.
    folders.lay_aside(folder, 5)
    with Checkpoints(folder, read_only=True) as checkpoints:
        assert checkpoints.steps() == [4]
    with Checkpoints(folder, keep_latest=2) as checkpoints:
        assert checkpoints.steps() == [4, 5]
        assert sorted(path.name for path in folder.iterdir()) == ["4", "5"]
        assert checkpoints.restore_latest(make_items(0), print)[1]["step"] == 5
        # Killed after the new one got its name, with the old one still there.
        shutil.copytree(folder / "5", folder / folders.REPLACED / "5")
    with Checkpoints(folder, keep_latest=2) as checkpoints:
        assert sorted(path.name for path in folder.iterdir()) == ["4", "5"]
        save(checkpoints, 6, 0.0)
        checkpoints.wait()
        assert sorted(path.name for path in folder.iterdir()) == ["5", "6"]


def test_the_best_one_is_never_quietly_another_one(tmp_path):
    folder, lines = tmp_path / "c", []
    with Checkpoints(folder) as checkpoints:
        for step, value, best in ((1, 5.0, 1), (2, 3.0, 1)):
            meta = {"step": step, "metrics": {"Acc": value}, "value": value, "best": {"step": best, "value": 5.0}}
            checkpoints.save(make_items(step), meta)
    (folder / "99").mkdir()
    with Checkpoints(folder, read_only=True) as checkpoints:
        assert choose_step(checkpoints, None, lines.append) == 1
        assert len(lines) == 1 and lines[0].startswith(f"warning: {folder / '99'} cannot be read")
    (folder / "1" / "meta" / "metadata").write_text("{")
    with Checkpoints(folder, read_only=True) as checkpoints:
        words = r"the best step is 1, and .*/1 cannot be read.*--step takes another.* 2.$"
        with pytest.raises(UserError, match=words):
            choose_step(checkpoints, None, lines.append)
    shutil.rmtree(folder / "1")
    with Checkpoints(folder, read_only=True) as checkpoints:
        with pytest.raises(UserError, match="the best step is 1, and its checkpoint is gone"):
            choose_step(checkpoints, None, lines.append)


def failing(error):
    def fail(*arguments, **options):
        raise error

    return fail


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("error", [FULL, ValueError("RESOURCE_EXHAUSTED: write failed [No space left on device]")])
@pytest.mark.parametrize("when", ["at once", "in the background"])
def test_a_full_disk_keeps_the_checkpoint_before(tmp_path, monkeypatch, caplog, error, when):
    folder = tmp_path / "c"
    with Checkpoints(folder) as checkpoints:
        save(checkpoints, 4, 1.0)

    with pytest.raises(UserError) as caught, Checkpoints(folder) as checkpoints:
        with monkeypatch.context() as patch:
            place, name = (checkpoints._manager, "save") if when == "at once" else (folders, "force_to_disk")
            patch.setattr(place, name, failing(error))
            save(checkpoints, 5, 2.0)
            checkpoints.wait()
    text = str(caught.value)
    assert text.startswith(f"the checkpoint of step 5 cannot be written to {folder}: the disk is full (")
    assert "iB free, up to " in text and "that are there as before: 4." in text
    assert [path.name for path in folder.iterdir()] == ["4"]
    with Checkpoints(folder) as checkpoints:
        assert checkpoints.restore_latest(make_items(0), print)[1]["step"] == 4
        save(checkpoints, 5, 2.0)
    with Checkpoints(folder) as checkpoints:
        assert checkpoints.best_step() == 5
    assert not [record for record in caplog.records if record.exc_info]


def test_a_full_disk_while_a_checkpoint_is_replaced_keeps_it(tmp_path, monkeypatch):
    folder = tmp_path / "c"
    with Checkpoints(folder) as checkpoints:
        save(checkpoints, 5, None)
    with pytest.raises(UserError, match="as before: 5"), Checkpoints(folder) as checkpoints:
        monkeypatch.setattr(folders, "force_to_disk", failing(FULL))
        save(checkpoints, 5, 2.0)
    monkeypatch.undo()
    with Checkpoints(folder) as checkpoints:
        assert checkpoints.restore_latest(make_items(0), print)[1]["metrics"] == {}


def test_parameters_alone_are_read(tmp_path):
    two_steps(tmp_path / "c")
    shutil.rmtree(tmp_path / "c" / "5" / "opt_state")
    damage(tmp_path / "c", 5, "state")
    with Checkpoints(tmp_path / "c", read_only=True) as checkpoints:
        items, _ = checkpoints.restore(5, {"params": make_items(0)["params"]})
    same = jax.tree.map(
        lambda found, saved: found.tobytes() == saved.tobytes(), items["params"], make_items(5)["params"]
    )
    assert jax.tree.leaves(same) and all(jax.tree.leaves(same))
