"""What an evaluation leaves on the disk, and that a report counts it again."""

import csv
import dataclasses
import json

import av
import numpy as np
import pytest
from matplotlib import image

from data_pipelines.segmentation.config import SegmentationDataConfig
from data_pipelines.segmentation.sources import open_sources
from data_pipelines.video.frame_array import FrameArray
from fact_jax.reporting.representation import score_files, writer
from fact_jax.types import UserError
from tests.tasks.representation import drawn


def evaluate(num_classes=(3,), **changes):
    protocol = drawn.make_protocol(num_classes, **changes)
    return drawn.evaluate(protocol, drawn.all_chunks(protocol, noise=0.4))


@pytest.fixture(scope="module")
def evaluation():
    return evaluate((3, 2), length=12)


@pytest.fixture(scope="module")
def folder(evaluation, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation")
    (line,) = writer.write_evaluation(evaluation, folder, figures=False)
    assert line.startswith("the embeddings are a dataset of action segmentation: --config configs/fact_custom.py ")
    return folder


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_embeddings_are_features_with_time_first(evaluation, folder):
    videos = [*evaluation.videos("train"), *evaluation.videos("test")]
    assert {path.stem for path in (folder / "predictions").glob("*.npy")} == {video.video_id for video in videos}
    for video in videos:
        stored = np.load(folder / "predictions" / f"{video.video_id}.npy", allow_pickle=False)
        assert stored.dtype == np.float32
        np.testing.assert_array_equal(stored, video.embeddings)


@pytest.mark.parametrize("gap", [False, True])
def test_embeddings_are_a_dataset_of_action_segmentation(tmp_path, gap):
    protocol = drawn.make_protocol((3, 2), 2, 2, length=9)
    chunks = drawn.all_chunks(protocol)
    if gap:
        first, *others = protocol.videos["test"]
        first = dataclasses.replace(first, labels=np.where(np.arange(9) < 3, -1, first.labels))
        protocol = dataclasses.replace(protocol, videos=protocol.videos | {"test": (first, *others)})
    evaluation = drawn.evaluate(protocol, chunks)
    *_, line = writer.write_evaluation(evaluation, tmp_path, figures=False)
    options = dict(word.removeprefix("--config.data.").split("=") for word in line.split() if "=" in word)
    settings = SegmentationDataConfig(**options | {"evaluate_background": True})
    sources = open_sources(settings)
    names = [f"action 0: phase {number}" for number in range(3)] + [f"action 1: phase {number}" for number in range(2)]
    assert list(sources.class_names) == names + ["no phase"] * gap
    for subset, source in (("train", sources.train), ("test", sources.test)):
        found = {source[index].video_id: source[index] for index in range(len(source))}
        assert set(found) == {video.video_id for video in evaluation.videos(subset)}
        for video in evaluation.videos(subset):
            np.testing.assert_array_equal(np.asarray(found[video.video_id].features), video.embeddings)
            expected = np.where(video.labels < 0, 5, video.labels + 3 * video.group)
            np.testing.assert_array_equal(found[video.video_id].full_labels, expected)


def test_a_report_counts_the_same_scores_again(evaluation, folder):
    scored = score_files.read_scores(folder)
    own = evaluation.state().scores
    assert scored.scores.compute() == pytest.approx(own.compute(), abs=1e-6)
    assert scored.phases == evaluation.protocol.phases and scored.metric == evaluation.protocol.metric
    for found, expected in zip(scored.scores.means(), own.means(), strict=True):
        assert (found["score"], found["over"], found["number"]) == (
            expected["score"],
            expected["over"],
            expected["number"],
        )
        assert found["mean"] == pytest.approx(expected["mean"], abs=1e-5)
    assert [video.video_id for video in scored.videos] == sorted(video.video_id for video in own.videos)


def test_tables_have_a_row_for_all_that_is_scored(evaluation, folder):
    tables = folder / "tables"
    parts = evaluation.state().per_dataset()
    for row, part in zip(rows_of(tables / "per_dataset.csv"), parts, strict=True):
        assert float(row["Tau"]) == pytest.approx(part["Tau"], abs=1e-4) and row["videos"] == "3"
    phases = rows_of(tables / "per_phase.csv")
    assert [(row["dataset"], row["phase"]) for row in phases][-1] == ("action 1", "phase 1")
    assert sum(int(row["true_frames"]) for row in phases) == sum(len(v.steps) for v in evaluation.videos("test"))
    assert len(rows_of(tables / "per_video.csv")) == 6
    assert {row["over"] for row in rows_of(tables / "means.csv")} == {"videos", "phases", "datasets"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["videos"][0]["taus"].pop(), "taus"),
        (lambda content: content["videos"][0].update(true=[7, 12]), "phase or a length"),
        (lambda content: content["videos"][0]["right"].update({"Classification@1": 99}), "more frames that are right"),
        (lambda content: content["videos"][0].update(id="z"), "order"),
        (lambda content: content.update(tasks=["nothing"]), "nothing"),
        (lambda content: content["videos"][0]["progress"].update({"Progress@1": [[1]]}), "Progress@1"),
    ],
)
def test_a_damaged_file_is_told(folder, tmp_path, change, message):
    content = json.loads((folder / score_files.SCORES_FILE).read_text())
    change(content)
    (tmp_path / "tables").mkdir()
    (tmp_path / score_files.SCORES_FILE).write_text(json.dumps(content))
    with pytest.raises(UserError, match=message):
        score_files.read_scores(tmp_path)


def test_videos_without_labels_are_written_and_read(tmp_path):
    found = evaluate(labelled=False)
    writer.write_evaluation(found, tmp_path, figures=True)
    scores = score_files.read_scores(tmp_path).scores
    assert scores.compute()["Tau"] == pytest.approx(found.metrics()["Tau"], abs=1e-6)
    assert all(video.true is None for video in scores.videos)
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"embedding_map.png", "similarity.png"}


def test_nothing_of_an_earlier_evaluation_stays(tmp_path):
    writer.write_evaluation(evaluate(num_test=3), tmp_path, figures=False)
    assert (tmp_path / "predictions" / "test0-2.npy").exists()
    (tmp_path / "figures").mkdir()
    for name in ("retrieval.png", "alignment.mp4", "confusion_phases_lift.png"):
        (tmp_path / "figures" / name).write_bytes(b"")
    (tmp_path / "predictions" / "own.npy").write_bytes(b"")
    writer.write_evaluation(evaluate(num_test=2), tmp_path, figures=False)
    assert not (tmp_path / "predictions" / "test0-2.npy").exists()
    assert (tmp_path / "predictions" / "own.npy").exists() and not list((tmp_path / "figures").iterdir())


def test_pictures_of_videos_with_pixels(tmp_path):
    protocol = drawn.make_protocol(num_train=2, num_test=3)
    pixels = np.random.default_rng(0).integers(0, 255, (22, 32, 40, 3), np.uint8)
    videos = dict(protocol.videos)
    for number, video in enumerate(videos["test"]):
        path = tmp_path / f"{number}.npy"
        np.save(path, pixels[: video.num_frames])
        videos["test"] = tuple(
            dataclasses.replace(v, video=FrameArray(path)) if v is video else v for v in videos["test"]
        )
    protocol = drawn.make_protocol(videos=videos, max_timelines=2)
    lines = writer.write_evaluation(drawn.evaluate(protocol, drawn.all_chunks(protocol)), tmp_path, figures=True)
    assert lines[-1] == ("pictures of drawn are of 2 of 3 videos; --config.eval.max_timelines=0 takes all")
    figures = tmp_path / "figures"
    assert {path.stem for path in figures.glob("*.png")} == {
        "confusion_phases",
        "embedding_map",
        "similarity",
        "retrieval",
    }
    for path in figures.glob("*.png"):
        assert image.imread(path).std() > 0.05
    with av.open(str(figures / "alignment.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 20
    assert score_files.read_scores(tmp_path).fps == protocol.videos["test"][0].video.rate
