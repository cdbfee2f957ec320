"""Features that were extracted anew while a run was interrupted."""

import json
import shutil
import types

import numpy as np
import pytest

from data_pipelines.core.value_measures import measure
from data_pipelines.localization.opening import open_localization
from data_pipelines.segmentation.fingerprints import label_checksums
from data_pipelines.segmentation.sources import open_sources
from fact_jax import run_record
from fact_jax.app import feature_record
from fact_jax.app.feature_record import DataFacts
from fact_jax.app.runs import localization
from fact_jax.app.runs.base import comparison
from fact_jax.types import UserError
from tests.app.test_experiment import make_config, run, toy_task  # noqa: F401 (a fixture)
from tests.data_pipelines import folders
from tests.data_pipelines.localization import folders as localization_folders

OLD = {"a": "1", "b": "2", "c": "3"}
NEW = {"a": "1", "b": "20", "c": "30"}


@pytest.fixture
def workdir(tmp_path):
    (tmp_path / "checkpoints" / "5").mkdir(parents=True)
    return tmp_path


def check(workdir, checksums, *, accept_new=False, training=True, **facts):
    facts, lines = DataFacts(checksums, **facts), []
    told = {"accept_new": accept_new, "training": training, "say": lines.append}
    sentences, differ = feature_record.check(workdir, facts, **told)
    assert differ == any("Evaluated with other features" in sentence for sentence in sentences)
    return sentences, lines


def test_changed_features_are_refused_or_told_of_for_ever(workdir):
    assert check(workdir, OLD) == ((), ["the features of this run are known from now on (features.json); whether they "
                                        "changed before is not"])  # fmt: skip
    assert check(workdir, OLD) == ((), [])
    assert check(workdir, {"b": "2"}, training=False) == ((), [])
    for training in (True, False):
        with pytest.raises(UserError, match=r"2 of 3 videos have other features .*: b, c\. .*--accept_new_features"):
            check(workdir, NEW, training=training)
    sentences, (line,) = check(workdir, NEW, accept_new=True, training=False)
    assert sentences == ("Evaluated with other features than those of the training: those of 2 videos.",)
    assert line.startswith("warning: 2 of 3 videos have other features")
    with pytest.raises(UserError):  # an evaluation changes no record
        check(workdir, NEW)
    sentence = "Features changed during this run: those of 2 videos."
    assert check(workdir, NEW, accept_new=True)[0] == (sentence,)
    assert check(workdir, NEW) == ((sentence,), [])
    assert check(workdir, OLD, accept_new=True)[0] == ("Features changed during this run: those of 2, then 2 videos.",)


def test_nothing_is_compared_before_the_first_checkpoint_or_without_files(tmp_path, workdir):
    fresh = tmp_path / "fresh"
    assert check(fresh, {}) == ((), []) and not (fresh / feature_record.FILE).exists()
    fresh.mkdir()
    for checksums in (OLD, NEW):
        assert check(fresh, checksums) == ((), [])
    assert json.loads((fresh / feature_record.FILE).read_text()) == {"videos": NEW, "changes": []}
    assert check(workdir, None) == ((), [])
    check(workdir, OLD)
    assert "is not checked" in check(workdir, None)[1][0]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"videos": {"a": 1}, "changes": []}',
        '{"videos": {}}',
        "\0",
        '{"videos": {}, "changes": [], "labels": {"a": 1}}',
        '{"videos": {}, "changes": [], "values": {"least": "0"}}',
    ],
)
def test_a_damaged_record_names_itself(content, workdir):
    (workdir / feature_record.FILE).write_text(content)
    with pytest.raises(UserError, match=r"features\.json cannot be read .* Remove it"):
        check(workdir, OLD)


def test_values_of_a_record_that_say_nothing_are_a_line():
    """Predictions are there by then: they are not lost for a comparison."""
    values = {"least": 0.5, "median": 1.0, "most": 2.0, "is_whole": False}
    videos = types.SimpleNamespace(measured=lambda: {"a": measure(np.float32(31.5 * np.eye(20)))})
    [line] = comparison(videos)(values)
    assert line.startswith("values of a are 7 times")
    [line] = comparison(videos)(values | {"usual_channels": "ff"})
    assert line.startswith('"values" of features.json cannot be read (channels of another number): the features are')


def test_videos_with_other_labels_are_named(workdir):
    labels = {"a": "x", "b": "y", "c": "z"}
    assert feature_record.changed_labels(workdir, labels) == ""
    check(workdir, OLD)
    assert feature_record.changed_labels(workdir, labels) == "" and feature_record.trained_values(workdir) == {}
    values = {"least": 0.5, "median": 1.0, "most": 2.0, "is_whole": False}
    assert check(workdir, OLD, labels=labels, values=values) == ((), [])  # an older record gets them
    assert feature_record.trained_values(workdir) == values
    found = feature_record.changed_labels(workdir, {"b": "other", "c": "z", "d": "new"})
    assert found == "1 video with other labels, or in another list (b), 1 video new (d), 1 video gone (a)"
    assert "the order of the videos is another" in feature_record.changed_labels(workdir, labels)
    derived = {"labels_sha256": "1", "feature_dim": 4}
    run_record.write(workdir, config={}, derived=derived)
    with pytest.raises(
        UserError, match=r"labels_sha256: '1' there, '2' now \(a checksum of the labels of all .*\)\n  b!"
    ):
        run_record.check(workdir, derived=derived | {"labels_sha256": "2"}, explain=lambda: "b!")
    with pytest.raises(UserError, match=r"feature_dim: 4 there, 5 now \(from the data and the settings\)\nUse"):
        run_record.check(workdir, derived=derived | {"feature_dim": 5}, explain=lambda: "b!")


def test_checksums_of_labels_name_the_videos(tmp_path):
    def changed(change):
        videos = localization_folders.entries()
        change(videos)
        root = localization_folders.write_folder(tmp_path / "loc", videos)
        sources = open_localization(localization_folders.settings(root))
        return feature_record.changed_labels(tmp_path, localization._label_checksums(sources))

    def move(videos):
        videos["c"]["annotations"][0]["segment"] = [0.25, 1.25]

    def exchange(videos):
        videos["a"]["subset"], videos["c"]["subset"] = videos["c"]["subset"], videos["a"]["subset"]

    root = localization_folders.write_folder(tmp_path / "loc")
    labels = localization._label_checksums(open_localization(localization_folders.settings(root)))
    check(tmp_path, OLD, labels=labels)
    assert "the order of the videos is another" in changed(lambda videos: None)
    assert changed(move) == "1 video with other labels, or in another list (c)"
    assert changed(exchange) == "2 videos with other labels, or in another list (c, a)"
    folders.write_folder(tmp_path / "seg")
    sources = open_sources(folders.settings(tmp_path / "seg"))
    before = label_checksums({"train": sources.train, "test": sources.test})
    assert set(before) == {f"v{i}" for i in range(5)} and len(set(before.values())) == 5
    assert label_checksums({"test": sources.train})["v0"] != before["v0"]


@pytest.mark.parametrize("reader", ["npy", "tfds"])
def test_a_run_notices_and_moved_or_touched_files_are_the_same(reader, tmp_path):
    root, workdir = tmp_path / "data", tmp_path / "run"
    folders.write_folder(root)
    config = make_config(data__reader=reader, data__dir=str(root))
    assert run(workdir, config=config)[0] == 0
    (workdir / "results.json").unlink()
    shutil.move(root, tmp_path / "moved")
    moved = make_config(data__reader=reader, data__dir=str(tmp_path / "moved"))
    code, text = run(workdir, config=moved)
    assert code == 0 and "other features" not in text
    path = next((tmp_path / "moved" / "features").glob("*.npy"))
    np.save(path, np.load(path) * np.float32(1.5))
    (workdir / "results.json").unlink()
    for mode in ("train", "eval"):
        with pytest.raises(UserError, match=f"1 of 5 videos have other features .*: {path.stem}"):
            run(workdir, mode, config=moved)
    (workdir / "results.md").write_text("of the training")
    assert run(workdir, "eval", config=moved, accept_new_features=True)[0] == 0
    assert "Evaluated with other features" in (workdir / "eval_other_features" / "results.md").read_text()
    assert (workdir / "results.md").read_text() == "of the training"
    code, text = run(workdir, config=moved, accept_new_features=True)
    assert code == 0 and "warning: 1 of 5 videos" in text
    assert "Features changed during this run: those of 1 videos." in (workdir / "results.md").read_text()
    for name in ("v0", "v1"):
        label = tmp_path / "moved" / "groundTruth" / f"{name}.txt"
        label.write_text("\n".join(reversed(label.read_text().splitlines())) + "\n")
    (workdir / "results.json").unlink()
    with pytest.raises(UserError, match=r"2 videos with other labels, or in another list \(v0, v1\)"):
        run(workdir, config=moved)
