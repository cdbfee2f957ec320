"""The synthetic videos as files are those that are drawn on the fly, up to the compression."""

import numpy as np
import pytest

from data_pipelines.representation import write_synthetic
from data_pipelines.representation.config import RepresentationDataConfig, SyntheticActionsConfig
from data_pipelines.representation.opening import open_representation
from data_pipelines.video.clips import ClipConfig
from data_pipelines.video.views import AugmentationConfig
from fact_jax.types import UserError


def test_the_written_videos_are_the_drawn_ones(tmp_path, capsys):
    folder = tmp_path / "data"
    assert write_synthetic.main([str(folder), "--train_videos", "2", "--videos", "2", "--size", "48"]) == 0
    assert "configs/carl_custom.py" in capsys.readouterr().out
    spec = SyntheticActionsConfig(num_train_videos=2, num_test_videos=2, size=48)
    made = open_representation(RepresentationDataConfig(reader="synthetic", synthetic=spec))
    seen = AugmentationConfig(size=48)
    data = RepresentationDataConfig(dir=str(folder), clip=ClipConfig(num_frames=40), augmentation=seen)
    read = open_representation(data)
    assert read.phases == made.phases and read.notes == ()
    for one, other in zip(read.train + read.test, made.train + made.test, strict=True):
        assert one.video_id == other.video_id and one.video.size == other.video.size
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_allclose(one.video.times, other.video.times, atol=1e-4)
        frames, drawn = (entry.video.frames(range(len(other.video))).astype(float) for entry in (one, other))
        assert np.abs(frames - drawn).mean() < 6
        # A frame is nearer to its own picture than to those beside it.
        errors = [np.abs(frames[1:-1] - drawn[1 + by : len(drawn) - 1 + by]).mean() for by in (-1, 0, 1)]
        assert errors[1] < min(errors[0], errors[2])
    with pytest.raises(UserError, match="exists already"):
        write_synthetic.main([str(folder)])


@pytest.mark.parametrize("option", [["--size", "33"], ["--size", "2"], ["--videos", "0"]])
def test_options_out_of_range(tmp_path, option):
    with pytest.raises(SystemExit) as caught:
        write_synthetic.main([str(tmp_path / "data"), *option])
    assert caught.value.code == 2
