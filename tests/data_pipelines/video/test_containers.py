"""Frames of every kind of file: how many, in which order, when they are shown, and the same by random access."""

import os

import av
import numpy as np
import pytest

from data_pipelines.video import random_access
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.decoding import Decoding
from data_pipelines.video.video_file import VideoFile
from fact_jax.types import UserError
from tests.data_pipelines.video.written import numbers_of, write_video

X265 = {"preset": "ultrafast", "x265-params": "log-level=none"}
OPEN = {"x264-params": "open-gop=1"}
REFRESHED = {"x264-params": "intra-refresh=1:bframes=0"}
# File -> (what writes it, whether decoding begins at key frames).
KINDS = {
    "closed.mp4": ({}, True),
    "closed.mov": ({"gop": 2}, True),
    "closed.mkv": ({}, True),
    "open.mp4": ({"options": OPEN | {"b-pyramid": "normal"}}, True),
    "open.mkv": ({"options": OPEN}, True),
    "slices.mp4": ({"options": {"x264-params": "slices=4"}}, True),
    "ten_bits.mp4": ({"pix_fmt": "yuv420p10le"}, True),
    "fragmented.mp4": ({"container": {"movflags": "frag_keyframe+empty_moov"}}, True),
    "mpeg4.mp4": ({"codec": "mpeg4", "options": {"bf": "2"}}, True),
    "refreshed.mkv": ({"options": REFRESHED}, True),
    "hevc.mp4": ({"codec": "libx265", "options": X265}, True),
    "hevc.mkv": (
        {"codec": "libx265", "options": X265 | {"x265-params": "log-level=none:open-gop=1:bframes=3:b-adapt=0"}},
        True,
    ),
    "hevc_ten_bits.mkv": ({"codec": "libx265", "options": X265, "pix_fmt": "yuv420p10le"}, True),
    "vp8.webm": ({"codec": "libvpx", "options": {"deadline": "realtime"}}, True),
    "vp9.webm": ({"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}, True),
    "av1.webm": ({"codec": "libsvtav1", "options": {"preset": "12"}}, True),
    "av1_ten_bits.mkv": ({"codec": "libsvtav1", "options": {"preset": "12"}, "pix_fmt": "yuv420p10le"}, True),
    "h264.avi": ({}, False),
    "mpeg4.avi": ({"codec": "mpeg4", "options": {"bf": "2"}}, False),
    "closed.ts": ({}, False),
    "closed.flv": ({}, False),
    "mpeg2.mpg": ({"codec": "mpeg2video", "options": {"bf": "2"}}, False),
    "wmv2.wmv": ({"codec": "wmv2"}, False),
    "pictures.gif": ({"codec": "gif", "pix_fmt": "rgb8"}, False),
    "raw.h264": ({}, False),
}


@pytest.fixture(autouse=True)
def quiet_encoders(monkeypatch):
    monkeypatch.setenv("SVT_LOG", "0")


@pytest.mark.parametrize("name", KINDS)
def test_frames_in_order_and_by_random_access(tmp_path, name, monkeypatch):
    settings, seeks = KINDS[name]
    path = write_video(tmp_path / name, **settings)
    video = VideoFile(path)
    frames = video.frames(range(60))
    assert len(video) == 60 and numbers_of(frames) == list(range(60))
    assert frames.dtype == np.uint8 and frames.shape == (60, 64, 128, 3) and video.size == (64, 128)

    sequential = []
    monkeypatch.setattr(random_access, "_from_start", watched(random_access._from_start, sequential))
    for wanted in ([59], [0], [13], [12, 11], [58, 3, 3, 24, 25, 0], range(23, 37), list(range(0, 60, 7))):
        assert np.array_equal(video.frames(wanted), frames[list(wanted)])
    assert np.array_equal(np.concatenate(list(video.batches(range(1, 60), 7))), frames[1:])
    assert video.index.can_seek == seeks == (not sequential)
    assert video.frames([]).shape == (0, 64, 128, 3)


def watched(function, calls):
    def call(*arguments):
        calls.append(arguments)
        return function(*arguments)

    return call


def test_no_more_is_decoded_than_it_takes(tmp_path, monkeypatch):
    video = VideoFile(write_video(tmp_path / "a.mp4", range(240), gop=24))
    read, original = [], Decoding.packets

    def packets(self):
        for packet in original(self):
            read.append(packet)
            yield packet

    monkeypatch.setattr(Decoding, "packets", packets)
    video.frames([100])  # the fifth of a group: with those shown later that it refers to
    assert len(read) <= 12
    read.clear()
    video.frames([1, 120, 239])
    assert len(read) <= 5 + 5 + 24
    read.clear()
    video.frames(range(240))
    assert len(read) == 240


def test_unreferenced_packets_are_left_out(tmp_path, monkeypatch):
    video = VideoFile(write_video(tmp_path / "a.mp4"))
    left_out, original = [], random_access.is_unreferenced
    monkeypatch.setattr(
        random_access, "is_unreferenced", lambda *packet: left_out.append(original(*packet)) or left_out[-1]
    )
    video.frames([10])
    assert sum(left_out) >= 5


def test_a_wrong_seek_is_found_out(tmp_path, monkeypatch):
    video = VideoFile(write_video(tmp_path / "a.mp4"))
    frames = video.frames(range(60))
    sequential = []
    monkeypatch.setattr(random_access, "_from_start", watched(random_access._from_start, sequential))
    # As in MPEG-TS: the seek lands behind the key frame that it was meant for.
    key_pts = video.index.key_pts.copy()
    object.__setattr__(video.index, "key_pts", np.concatenate([key_pts[:1], key_pts[1:] - 512]))
    assert np.array_equal(video.frames([30, 50, 2]), frames[[30, 50, 2]])
    assert len(sequential) == 1
    object.__setattr__(video.index, "key_pts", key_pts)
    assert np.array_equal(video.frames([30]), frames[[30]]) and len(sequential) == 1


def test_a_refresh_column_by_column_is_no_key_frame(tmp_path):
    video = VideoFile(write_video(tmp_path / "a.mkv", options=REFRESHED))
    assert video.index.key_packets.tolist() == [0]


def test_an_edit_list_hides_frames(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    content = bytearray(path.read_bytes())
    place = content.index(b"elst") + 12
    length, start = (int.from_bytes(content[place + at : place + at + 4], "big") for at in (0, 4))
    content[place : place + 8] = (length - 500).to_bytes(4, "big") + (start + 15 * 512).to_bytes(4, "big")
    path.write_bytes(content)
    video = VideoFile(path)
    assert numbers_of(video.frames(range(45))) == list(range(15, 60)) and len(video) == 45
    assert video.times[0] == 0.0 and numbers_of(video.frames([44, 1, 20])) == [59, 16, 35]
    assert video.warnings == ("45 frames can be decoded, the header says 60: an edit list hides 15",)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_video_that_starts_after_the_sound(tmp_path, name):
    video = VideoFile(write_video(tmp_path / name, times=range(30, 90), sound=(0, 3)))
    assert video.times[0] == 1.0 and video.frame_at(0.5) == 0 and video.frame_at(1.04) == 1


@pytest.mark.parametrize(
    "name, settings",
    [
        ("a.mp4", {"container": {"movflags": "frag_keyframe+empty_moov"}}),
        ("a.flv", {}),
        ("a.ts", {}),
        ("a.mpg", {"codec": "mpeg2video"}),
    ],
)
def test_the_start_of_the_container_is_second_0(tmp_path, name, settings):
    video = VideoFile(write_video(tmp_path / name, range(10), **settings))
    assert video.index.pts[0] > 0 and video.times[0] == 0.0
    assert np.allclose(video.times, np.arange(10) / 30, atol=1e-3)


@pytest.mark.parametrize("name, header", [("a.mkv", 0), ("a.mp4", 225), ("a.avi", 299)])
def test_variable_rate(tmp_path, name, header):
    codec = {"codec": "mpeg4"} if name == "a.avi" else {}
    times = [*range(150), *range(150, 300, 2)]
    video = VideoFile(write_video(tmp_path / name, range(225), times=times, gop=60, **codec))
    assert len(video) == 225 and video.index.header_frames == header
    assert video.times[-1] == pytest.approx(298 / 30, abs=5e-4) and round(video.times[-1], 3) == 9.933
    assert video.frame_at(8.0) == 195
    assert any("the rate varies, 22.55" in warning for warning in video.warnings)
    assert video.rate == pytest.approx(224 / (298 / 30), rel=1e-3)


def test_a_constant_rate_in_whole_milliseconds_is_constant(tmp_path):
    video = VideoFile(write_video(tmp_path / "a.mkv"))
    assert video.warnings == () and video.rate == pytest.approx(30, abs=0.01)


def test_times_that_do_not_rise(tmp_path):
    path = tmp_path / "joined.ts"
    path.write_bytes(
        b"".join(write_video(tmp_path / f"{start}.ts", range(start, start + 30)).read_bytes() for start in (0, 30))
    )
    for config, rate in (VideoConfig(), 30), (VideoConfig(rate=12.5), 12.5):
        video = VideoFile(path, config)
        assert numbers_of(video.frames(range(60))) == list(range(60))
        assert np.array_equal(video.times, np.arange(60) / rate) and video.rate == rate
        assert f"has times that do not rise: {rate:g} frames a second are assumed" in video.warnings[0]


def test_avi_has_other_numbers_and_times_than_it_says(tmp_path):
    video = VideoFile(write_video(tmp_path / "a.avi", codec="mpeg4", sound=(0, 2)))
    assert len(video) == 60 and video.index.header_frames == 61
    assert "60 frames can be decoded, the header says 61" in video.warnings
    video = VideoFile(write_video(tmp_path / "b.avi"))  # frames are recorded in another order than they are shown
    assert "has times that do not rise: 30 frames a second" in video.warnings[0]
    assert np.array_equal(video.times, np.arange(60) / 30)


def test_settings_that_mean_nothing():
    for wrong in ({"rate": -1.0}, {"rate": float("nan")}, {"stream": -2}):
        with pytest.raises(UserError, match="expected frames per second"):
            VideoConfig(**wrong)


def test_streams_that_turn_up_later(tmp_path):
    path, silent = tmp_path / "joined.flv", write_video(tmp_path / "silent.flv", range(30))
    both = write_video(tmp_path / "b.flv", range(30, 60), times=range(40, 70), sound=(1.2, 2))
    path.write_bytes(silent.read_bytes() + both.read_bytes()[13:])  # without its header
    video = VideoFile(path)
    assert numbers_of(video.frames(range(len(video)))) == list(range(60))


def test_the_end_of_a_file_in_which_streams_turned_up():
    """PyAV reads behind its table of streams then, and may raise an IndexError after all packets have come."""

    class Container:
        def demux(self, stream):
            yield av.Packet(b"abc")
            raise IndexError

    decoding = Decoding(Container(), None)
    assert [bytes(packet) for packet in decoding.packets()] == [b"abc"] and decoding.broken == ""


def test_raw_streams_have_no_times(tmp_path):
    video = VideoFile(write_video(tmp_path / "a.h264"), VideoConfig(rate=50))
    assert np.array_equal(video.times, np.arange(60) / 50) and "has no times: 50" in video.warnings[0]


def test_files_are_closed(tmp_path):
    mp4, ts = write_video(tmp_path / "a.mp4"), write_video(tmp_path / "a.ts")
    before = len(os.listdir("/proc/self/fd"))
    videos = [VideoFile(path) for path in (mp4, ts) for _ in range(3)]
    for video in videos:
        video.frames([3])
        next(video.batches(range(60), 5))
    assert len(os.listdir("/proc/self/fd")) == before


def test_numbers_of_frames_that_are_none(tmp_path):
    video = VideoFile(write_video(tmp_path / "a.mp4", range(5)))
    for wrong in ([5], [-1], [0.5], [[1]]):
        with pytest.raises(IndexError):
            video.frames(wrong)
    with pytest.raises(IndexError, match="rise"):
        next(video.batches([2, 1], 2))
