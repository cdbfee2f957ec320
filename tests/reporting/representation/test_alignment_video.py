"""Two videos in step: every picture of the file holds the frames that belong together, and browsers can play it."""

import av
import numpy as np
import pytest

from fact_jax.mp4 import write_mp4
from fact_jax.reporting.representation import alignment_video
from fact_jax.reporting.representation.alignment_video import align, write_alignment
from fact_jax.reporting.representation.video_panel import HEADER, MARGIN, picture_size
from fact_jax.types import UserError
from tests.data_pipelines.video.written import number_of
from tests.reporting.representation.shown_videos import NAMES, shown

# The second one plays at half the speed.
QUERY, KEY = np.linspace(0, 1, 12), np.linspace(0, 1, 23)


def decoded(path):
    """(stream's facts, frames uint8, seconds) of a file."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        found = stream.codec_context.name, stream.pix_fmt, (stream.height, stream.width), stream.frames
        frames = list(file.decode(stream))
        seconds = [float(frame.pts * frame.time_base) for frame in frames]
        assert {(frame.colorspace, frame.color_range) for frame in frames} == {(1, 1)}
        return found, [frame.to_ndarray(format="rgb24") for frame in frames], seconds


def numbers(frame, box, place):
    """The number of the frame that a panel shows."""
    height, width = box
    left, top = MARGIN + place * (width + MARGIN), MARGIN + HEADER
    picture = frame[top : top + height, left : left + width]
    # Twice as wide as high: a band above and below stays empty.
    inner = width // 2
    return number_of(picture[(height - inner) // 2 : (height + inner) // 2])


@pytest.mark.parametrize("method", ["dtw", "nearest"])
def test_the_panels_show_the_frames_that_belong_together(tmp_path, method):
    query, key = shown("a very long name of a video " * 5, QUERY), shown("$b$ 茶", KEY)
    path = write_alignment(tmp_path / "new" / "a.mp4", query, key, NAMES, method=method)
    (codec, pix_fmt, size, count), frames, seconds = decoded(path)
    assert (codec, pix_fmt, count) == ("h264", "yuv420p", 12) and all(side % 2 == 0 for side in size)
    assert seconds == pytest.approx(query.times)
    box = picture_size([query.video, key.video])
    assert [numbers(frame, box, 0) for frame in frames] == list(range(12))
    assert [numbers(frame, box, 2) for frame in frames] == list(range(12))
    beside = np.array([numbers(frame, box, 1) for frame in frames])
    assert np.all(np.abs(beside - 2 * np.arange(12)) <= 1) and beside[0] == 0 and beside[-1] >= 21
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert [file.name for file in path.parent.iterdir()] == ["a.mp4"]


def test_one_pass_over_a_video_gives_all_its_frames(tmp_path):
    query, key = shown("a", QUERY, labelled=False), shown("b", KEY, labelled=False)
    path = write_alignment(tmp_path / "a.mp4", query, key, unaligned=False)
    assert (query.video.passes, key.video.passes) == (1, 1) and len(decoded(path)[1]) == 12


def test_a_video_that_ends_early_stays_at_its_end():
    pair = align(shown("a", QUERY), shown("b", np.linspace(0, 1, 5)))
    assert pair.same_time.tolist() == [0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 4]
    assert np.all(np.diff(pair.rows) >= 0) and pair.rows[-1] == 4
    with pytest.raises(UserError, match="method is 'dwt'. Did you mean 'dtw'?"):
        align(shown("a", QUERY), shown("b", KEY), "dwt")


def test_varying_rates_are_played_as_they_are(tmp_path):
    times = [0.0, 0.1, 0.5, 0.55]
    path = write_mp4(tmp_path / "a.mp4", (np.full((16, 32, 3), 60 * n, np.uint8) for n in range(4)), times, (16, 32))
    _, frames, seconds = decoded(path)
    assert seconds == pytest.approx(times, abs=1e-4)
    assert [int(frame.mean().round()) for frame in frames] == pytest.approx([0, 60, 120, 180], abs=2)


def test_long_videos_are_thinned_and_sped_up(monkeypatch):
    monkeypatch.setattr(alignment_video, "MOST_FRAMES", 50)
    pair = align(shown("a", np.linspace(0, 1, 400), rate=2.0), shown("b", KEY))
    assert pair.query.steps.tolist() == list(range(0, 400, 8)) and len(pair.key) == 23
    seconds, faster = alignment_video._play_times(pair.query.times)
    assert seconds[-1] == pytest.approx(49 / 25) and faster == pytest.approx(100)
    assert alignment_video._play_times(np.array([3.0])) == (pytest.approx([0.0]), 1.0)


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_alignment(tmp_path / "file" / "a.mp4", shown("a", QUERY), shown("b", KEY))
    with pytest.raises(ValueError, match="b has no pixels"):
        write_alignment(tmp_path / "a.mp4", shown("a", QUERY), type(shown("b", KEY))("b", *_embedded()))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def _embedded():
    return np.ones((3, 3), np.float32), np.arange(3.0)
