"""Videos of other projects, where they are at hand: the same frames by random access as by decoding all."""

from pathlib import Path

import av
import numpy as np
import pytest

from data_pipelines.video.opening import open_video
from data_pipelines.video.video_file import VideoFile

FOLDER = Path(__file__).parents[4] / "shared" / "data"
COUNTS = {
    "videos/mmaction2_demo.mp4": 280,
    "videos/mmaction2_test.mp4": 300,
    "videos/mmaction2_test.avi": 164,
    "videos/mmaction2_demo_spatiotemporal_det.mp4": 57,
    "videos/mmaction2_part_0.mp4": 32,
    "videos/paddlevideo_example.avi": 131,
    "videos/decord_flipping_a_pancake.mkv": 310,
}


@pytest.mark.parametrize("name", COUNTS)
def test_frames_of_real_videos(name):
    if not (FOLDER / name).exists():
        pytest.skip("the file is not here")
    video = VideoFile(FOLDER / name)
    with av.open(str(FOLDER / name)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(video) == len(frames) == COUNTS[name]
    wanted = np.random.default_rng(0).permutation(len(frames))[:8].tolist()
    for indices in (wanted, wanted[:1], [len(frames) - 1, 0]):
        assert np.array_equal(video.frames(indices), [frames[number] for number in indices])
    for start, batch in enumerate(video.batches(range(len(frames)), 40)):
        assert np.array_equal(batch, frames[start * 40 : start * 40 + 40])
    rises = name != "videos/mmaction2_test.avi"
    assert rises != any("times that do not rise" in warning for warning in video.warnings)


def test_weizmann_strips():
    strips = sorted((FOLDER / "weizmann_strips").glob("*.jpg"))
    if not strips:
        pytest.skip("the files are not here")
    lengths = [len(open_video(path)) for path in strips]
    assert len(lengths) == 24 and (min(lengths), max(lengths)) == (51, 146)
    assert open_video(strips[0]).frames([50, 3]).shape == (2, 64, 64, 3)
