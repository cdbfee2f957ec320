"""The benchmark of --mode extract: what it runs, and what it tells."""

import json

import numpy as np
import pytest

from fact_jax.benchmark import extracting, made_files, plain_reading, report
from fact_jax.inference.representation.predictor import RepresentationPredictor
from tests.inference.representation import test_predictor as carl


@pytest.fixture
def video(tmp_path):
    return made_files.write(tmp_path / "a.mp4", 13, size=(48, 64), gop=5, rate=10)


def test_an_extraction_and_its_network_alone_are_timed_on_the_same_frames(video):
    config = carl.predictor().config
    config.eval.batch_size = 2
    variables = carl.started(carl.TASK)
    tested = extracting.Extracting(config, carl.TASK, variables["params"], variables["state"], video)
    for what in ("whole", "network", "reading", "indexing"):
        found = getattr(tested, what)()
        assert found["wall"] > 0 and found["processor"] > 0
    assert tested.whole()["MiB"] > 10
    model = carl.predictor()
    assert isinstance(model, RepresentationPredictor)
    np.testing.assert_allclose(tested.rows(), model.predict(video), atol=2e-6)


def test_a_plain_loop_sees_the_same_pixels(video):
    config = carl.predictor().config.data.augmentation
    plain = list(plain_reading.chunks(video, 13, 5, config.size, config.evaluation_crop))
    assert [len(chunk) for chunk in plain] == [5, 5, 3]
    extractor = extracting.representation_extraction.EmbeddedPixels(
        extracting.representation_extraction.chunk_config(carl.predictor().config).data.augmentation
    )
    frame = extracting.open_video(video).frames([7])[0]
    out = np.empty((config.size, config.size, 3), np.float32)
    extractor.write(frame, out)
    np.testing.assert_array_equal(plain[1][2], out)


def test_what_is_told():
    seconds = {"wall": 2.0, "processor": 3.0}
    part = {"frames": 600, "size": 64, "whole": seconds | {"MiB": 300.0}, "network": seconds, "torch": seconds}
    part |= {"reading": seconds, "indexing": seconds, "largest_difference": 1e-6}
    text = report._extraction(json.loads(json.dumps(part)))
    assert "beside the network alone 1.00 by wall time, 1.00 by processor time; beside the PyTorch loop 1.00" in text
    assert "300 MiB at most" in text and "differ by at most 1.0e-06" in text
    assert "PyTorch" not in report._extraction({name: part[name] for name in part if name != "torch"})
