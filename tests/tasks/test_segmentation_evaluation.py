"""What an evaluation leaves for a report."""

import numpy as np

from fact_jax.reporting import segment_files
from tests.reporting import workdirs


def test_the_segments_of_an_evaluation_give_its_scores_again(tmp_path):
    truth = workdirs.make_truth(0, num_videos=6) | {"all background": np.zeros(9, np.int64)}
    generator = np.random.default_rng(1)
    predictions = {video_id: workdirs.corrupt(generator, labels, 0.4) for video_id, labels in truth.items()}
    evaluation = workdirs.evaluate(truth, predictions)
    evaluation.write(tmp_path, figures=False)
    read = segment_files.read_segments(tmp_path)
    assert read.state().compute() == evaluation.metrics()
    np.testing.assert_equal(read.state().per_class(), evaluation.state().per_class())
    assert {video.video_id: segment_files.to_frames(video.true).tolist() for video in read.videos} == {
        video_id: labels.tolist() for video_id, labels in truth.items()
    }


def test_segments_are_at_the_full_rate(tmp_path):
    truth = {"v": np.repeat([0, 1, 2], 4)}
    evaluation = workdirs.evaluate(truth, {"v": np.array([0, 0, 1, 1, 2, 2])})  # every second frame
    evaluation.write(tmp_path, figures=False)
    (video,) = segment_files.read_segments(tmp_path).videos
    assert video.true.tolist() == video.predicted.tolist() == [[0, 4], [1, 4], [2, 4]]
