"""What an evaluation leaves below a folder."""

import numpy as np

from fact_jax.reporting.segmentation import segment_files, writer
from tests.reporting import workdirs


def test_the_segments_of_an_evaluation_give_its_scores_again(tmp_path):
    truth = workdirs.make_truth(0, num_videos=6) | {"all background": np.zeros(9, np.int64)}
    generator = np.random.default_rng(1)
    predictions = {video_id: workdirs.corrupt(generator, labels, 0.4) for video_id, labels in truth.items()}
    evaluation = workdirs.evaluate(truth, predictions)
    writer.write_evaluation(evaluation, tmp_path, figures=False)
    read = segment_files.read_segments(tmp_path)
    assert read.state().compute() == evaluation.metrics()
    np.testing.assert_equal(read.state().per_class(), evaluation.state().per_class())
    assert {video.video_id: segment_files.to_frames(video.true).tolist() for video in read.videos} == {
        video_id: labels.tolist() for video_id, labels in truth.items()
    }


def test_segments_are_at_the_full_rate(tmp_path):
    truth = {"v": np.repeat([0, 1, 2], 4)}
    evaluation = workdirs.evaluate(truth, {"v": np.array([0, 0, 1, 1, 2, 2])})  # every second frame
    writer.write_evaluation(evaluation, tmp_path, figures=False)
    (video,) = segment_files.read_segments(tmp_path).videos
    assert video.true.tolist() == video.predicted.tolist() == [[0, 4], [1, 4], [2, 4]]


def test_of_many_videos_some_timelines_are_drawn_from_the_worst_to_the_best(tmp_path):
    truth = {f"v{number}": np.zeros(20, np.int64) for number in range(9)}
    # Video k has 2 k wrong frames.
    predictions = {f"v{number}": (np.arange(20) < 2 * number).astype(np.int64) for number in range(9)}
    evaluation = workdirs.evaluate(truth, predictions, max_timelines=3)
    (line,) = writer.write_evaluation(evaluation, tmp_path, figures=True)
    assert line.startswith(
        "drew the timelines of 3 of 9 videos, from the worst to the best; --config.eval.max_timelines"
    )
    drawn = sorted(path.stem for path in (tmp_path / "figures").glob("timeline_*"))
    assert drawn == ["timeline_v0", "timeline_v4", "timeline_v8"]
    assert len(list((tmp_path / "predictions").iterdir())) == 9
    every = workdirs.evaluate(truth, predictions, max_timelines=9)
    assert writer.write_evaluation(every, tmp_path, figures=True) == ()
    assert len(list((tmp_path / "figures").glob("timeline_*"))) == 9
    # Of other parameters, or with other videos: nothing of those before stays beside it.
    (tmp_path / "predictions" / "mine.txt").write_text("")
    some = {name: truth[name] for name in ("v0", "v5")}
    writer.write_evaluation(workdirs.evaluate(some, some), tmp_path, figures=False)
    left = {path.name for path in tmp_path.rglob("*.*") if path.parent.name != "tables"}
    assert left == {"v0.txt", "v5.txt", "mine.txt"}


def test_files_of_an_evaluation(tmp_path):
    truth = workdirs.make_truth(0, num_videos=2)
    writer.write_evaluation(workdirs.evaluate(truth, truth), tmp_path, figures=True)
    first = [workdirs.CLASS_NAMES[label] for label in truth["video_0"]]
    assert (tmp_path / "predictions" / "video_0.txt").read_text().split() == first
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {
        *(f"predictions/video_{number}.txt" for number in range(2)),
        *(f"figures/timeline_video_{number}.png" for number in range(2)),
        *(f"tables/{name}" for name in ("per_video.csv", "per_class.csv", "means.csv", "segments.json")),
        "figures/confusion_matrix.png",
    }
