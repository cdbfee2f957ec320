"""Files that cannot be used, or not as they are: what is said of each."""

import os

import av
import numpy as np
import pytest

from data_pipelines.video.checks import check_videos
from data_pipelines.video.config import VideoConfig
from data_pipelines.video.errors import VideoError
from data_pipelines.video.file_ends import why_cut_off
from data_pipelines.video.video_file import VideoFile
from fact_jax.types import UserError
from tests.data_pipelines.video.written import bar_code, numbers_of, write_video

FASTSTART = {"container": {"movflags": "faststart"}}


def fault_of(path, config=VideoConfig()):
    with pytest.raises(UserError) as caught:
        VideoFile(path, config)
    return str(caught.value)


def streams(path, *, pictures=(), length=5, cover=False, sound=False):
    """A file with video streams of these sizes (width, height) and `length`, a cover picture and sound."""
    with av.open(str(path), "w") as file:
        videos = []
        for width, height in [*pictures, *([(64, 64)] if cover else [])]:
            stream = file.add_stream("mjpeg", rate=30)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
            videos.append(stream)
        if cover:
            videos[-1].disposition = av.stream.Disposition.attached_pic
        speaker = file.add_stream("aac", rate=8000) if sound else None
        file.start_encoding()
        for number, stream in enumerate(videos):
            for place in range(1 if cover and number == len(videos) - 1 else length):
                frame = bar_code(10 * number + place, stream.width, stream.height)
                frame = av.VideoFrame.from_ndarray(frame, "rgb24")
                frame.pts = place
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        if speaker:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.rate, frame.pts = 8000, 0
            file.mux([*speaker.encode(frame), *speaker.encode(None)])
    return path


# Name -> (settings, what it says of the header).
CUT = {
    "a.mp4": (FASTSTART, ", the header says 60"),
    "fragmented.mp4": ({"container": {"movflags": "frag_keyframe+empty_moov"}}, ""),
    "a.mkv": ({}, ""),
    "a.avi": ({}, ", the header says 60"),
    "a.ts": ({}, ""),
    "a.flv": ({}, ""),
}


def noisy():
    noise = np.random.default_rng(0).integers(0, 40, (60, 64, 128, 3), np.uint8)
    return [np.clip(bar_code(number), 0, 215) + noise[number] for number in range(60)]


@pytest.mark.parametrize("name", CUT)
def test_cut_off_files(tmp_path, name):
    settings, header = CUT[name]
    path = write_video(tmp_path / name, pictures=noisy(), cut=0.55, **settings)
    video = VideoFile(path, VideoConfig(allow_cut_off=True))
    assert 20 < len(video) < 50 and numbers_of(video.frames(range(len(video) - 3))) == list(range(len(video) - 3))
    found = f"cut off: {len(video)} frames can be decoded{header} ("
    assert f"{path}: {found}" in fault_of(path) and video.warnings[0].startswith(found)
    assert "copy it again, leave it out, or use what is there: config.data.video.allow_cut_off=True" in fault_of(path)
    whole = write_video(tmp_path / f"whole_{name}", pictures=noisy(), **settings)
    assert VideoFile(whole).index.fault == ""


def test_the_error_of_a_cut_off_file_names_both_numbers(tmp_path):
    pictures = [bar_code(number % 256) for number in range(300)]
    path = write_video(tmp_path / "a.mp4", pictures=pictures, cut=0.6, gop=250, **FASTSTART)
    decoded = len(VideoFile(path, VideoConfig(allow_cut_off=True)))
    assert f"{decoded} frames can be decoded, the header says 300" in fault_of(path)


def test_a_table_at_the_end_is_cut_off_with_it(tmp_path):
    path = write_video(tmp_path / "a.mp4", cut=0.5)
    assert f"{path}: cut off, and cannot be opened: the file has" in fault_of(path, VideoConfig(allow_cut_off=True))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
def test_whole_files_are_not_cut_off_and_what_follows_them_does_not_matter(tmp_path, name):
    path = write_video(tmp_path / name)
    assert why_cut_off(path) == ""
    path.write_bytes(path.read_bytes() + b"\0" * 40)
    assert why_cut_off(path) == "" and len(VideoFile(path)) == 60


def test_damage_in_the_middle(tmp_path):
    path = write_video(tmp_path / "a.mkv", pictures=noisy())
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 600] = bytes(600)
    path.write_bytes(content)
    video = VideoFile(path, VideoConfig(allow_cut_off=True))
    frames = video.frames(range(len(video)))
    assert any("damage" in text or "cannot be decoded" in text for text in video.warnings)
    assert np.array_equal(video.frames([len(video) - 1, 30]), frames[[len(video) - 1, 30]])


# File -> (content, or what writes it; part of the message).
BAD = {
    "text.mp4": (b"a\n" * 500, "no video, or none of a known format"),
    "noise.mkv": (np.random.default_rng(1).bytes(20000), "no video, or none of a known format"),
    "empty.mp4": (b"", "the file is empty"),
    "playlist.mp4": (b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n%s\n#EXT-X-ENDLIST\n", "no video, or none"),
    "list.mp4": (b"ffconcat version 1.0\nfile '%s'\n", "no video, or none of a known format"),
    "sound.mp4": ({"sound": True}, "no video stream: it holds audio"),
    "cover.mp4": ({"cover": True, "sound": True}, "no video stream: it holds a cover picture, audio"),
    "zero.avi": ({"pictures": [(64, 64)], "length": 0}, "no frame can be decoded"),
    "two.mkv": ({"pictures": [(64, 64), (96, 64)]}, "the video streams 0: mjpeg 64x64, 1: mjpeg 96x64; choose one"),
}


def write_bad(folder, name):
    content, _ = BAD[name]
    path = folder / name
    if isinstance(content, dict):
        streams(path, **content)
    else:
        path.write_bytes(content.replace(b"%s", os.fsencode(folder / "good.ts")))
    return path


@pytest.mark.parametrize("name", BAD)
def test_what_is_said_of_a_bad_file(tmp_path, name):
    write_video(tmp_path / "good.ts", range(20))
    path = write_bad(tmp_path, name)
    assert fault_of(path).startswith(f"{path}: ") and BAD[name][1] in fault_of(path)


def test_all_bad_files_are_listed_at_once(tmp_path):
    good = write_video(tmp_path / "good.ts", range(20))
    bad = [write_bad(tmp_path, name) for name in BAD]
    same = [write_video(tmp_path / name, range(3)) for name in ("same.mp4", "same.mkv")]
    checked = check_videos([good, *bad, tmp_path / "missing.mp4", *same], num_labels={"good": 21})
    assert checked.videos == {}
    found = {problem.path: problem for problem in checked.problems}
    assert len(found) == len(checked.problems) == len(BAD) + 3
    assert "2 videos are called 'same'" in found[str(same[0])].found and str(same[1]) in found[str(same[0])].found
    assert found[str(tmp_path / "missing.mp4")].found == "file is missing"
    assert found[str(good)].found == "21 labels for 20 frames"
    assert all(problem.expected for problem in checked.problems)


def test_labels_have_to_be_as_many_as_frames_that_decode(tmp_path):
    path = write_video(tmp_path / "a.avi", range(20), times=range(0, 40, 2), codec="mpeg4")
    video = VideoFile(path)
    video.check_labels(20)
    with pytest.raises(VideoError, match=r"39 labels for 20 frames \(the header says 39\)"):
        video.check_labels(39)


def test_notes_on_what_is_odd(tmp_path):
    path = write_video(tmp_path / "a.mp4", range(3), form="avi", codec="mpeg4")
    checked = check_videos([path])
    assert checked.problems == [] and len(checked.videos["a"]) == 3
    assert checked.notes == [f"{path}: it ends in .mp4, but holds AVI: it is read as that"]


def test_one_of_several_streams(tmp_path):
    path = streams(tmp_path / "a.mkv", pictures=[(64, 64), (96, 64)])
    video = VideoFile(path, VideoConfig(stream=1))
    assert video.size == (64, 96) and numbers_of(video.frames(range(5))) == [10, 11, 12, 13, 14]
    assert "choose one with the setting `stream`" in fault_of(path, VideoConfig(stream=2))


def test_a_cover_picture_is_no_stream_to_choose(tmp_path):
    video = VideoFile(streams(tmp_path / "a.mp4", pictures=[(64, 64)], cover=True))
    assert numbers_of(video.frames(range(5))) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["http://127.0.0.1:9/a.mp4", "concat:a.mp4", "pipe:0", "/dev/zero", "pipe.mp4"])
def test_only_regular_files_are_opened(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.mp4")
    assert "file is missing" in fault_of(name) or "not a regular file" in fault_of(name)


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_video(tmp_path / "a.mp4", range(3)).rename(tmp_path / "http:a.mp4")
    assert len(VideoFile(path.name)) == 3


def test_pictures_too_large_to_be_true(tmp_path):
    path = write_video(tmp_path / "a.gif", range(3), codec="gif", pix_fmt="rgb8")
    content = bytearray(path.read_bytes())
    content[6:10] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert "no frame can be decoded" in fault_of(path)


def test_a_file_that_changes_is_told(tmp_path):
    path = write_video(tmp_path / "a.mp4", range(3))
    video = VideoFile(path)
    write_video(path, range(5))
    with pytest.raises(VideoError, match="has changed since"):
        video.frames([0])
    path.unlink()
    with pytest.raises(VideoError, match="file is missing"):
        video.frames([0])
