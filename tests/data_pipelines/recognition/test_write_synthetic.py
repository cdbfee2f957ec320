"""The drawn clips as files are those that are drawn on the fly, up to the compression."""

import numpy as np
import pytest

from data_pipelines.recognition import write_synthetic
from data_pipelines.recognition.config import RecognitionDataConfig, SyntheticClipsConfig
from data_pipelines.recognition.opening import open_recognition
from fact_jax.types import UserError

OPTIONS = ["--train_clips", "16", "--clips", "2", "--size", "48"]


@pytest.mark.parametrize("options", [[], ["--pairs"], ["--pairs", "--untrimmed"]])
def test_the_written_clips_are_the_drawn_ones(tmp_path, capsys, options):
    folder = tmp_path / "data"
    assert write_synthetic.main([str(folder), *OPTIONS, *options]) == 0
    assert ("cast_synthetic_verb_noun" in capsys.readouterr().out) == ("--pairs" in options)
    spec = SyntheticClipsConfig(num_train_videos=16, num_test_videos=2, size=48, pairs="--pairs" in options)
    made = open_recognition(RecognitionDataConfig(reader="synthetic", synthetic=spec))
    read = open_recognition(RecognitionDataConfig(dir=str(folder)))
    for one, other in zip(read.train + read.test, made.train + made.test, strict=True):
        names = [
            [head.class_names[label] for head, label in zip(sources.heads, clip.labels, strict=True)]
            for sources, clip in ((read, one), (made, other))
        ]
        assert names[0] == names[1] and one.num_frames == other.num_frames
        frames = one.video.frames(one.first + np.arange(one.num_frames)).astype(float)
        drawn = other.video.frames(range(other.num_frames)).astype(float)
        errors = [np.abs(frames[1:-1] - drawn[1 + by : len(drawn) - 1 + by]).mean() for by in (-1, 0, 1)]
        assert errors[1] < 10 and errors[1] < min(errors[0], errors[2])
    with pytest.raises(UserError, match="exists already"):
        write_synthetic.main([str(folder)])


@pytest.mark.parametrize("option", [["--size", "33"], ["--size", "2"], ["--clips", "0"]])
def test_options_out_of_range(tmp_path, option):
    with pytest.raises(SystemExit) as caught:
        write_synthetic.main([str(tmp_path / "data"), *option])
    assert caught.value.code == 2
