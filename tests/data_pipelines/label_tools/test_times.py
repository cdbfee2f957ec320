"""A label at second 8.0, and others, of videos whose times are not number / rate: on which frames, and back."""

import json

import numpy as np
import pytest

from data_pipelines import import_labels
from data_pipelines.core.feature_times import FeatureTimes
from data_pipelines.label_tools.frames import frame_of
from data_pipelines.video.video_file import VideoFile
from tests.data_pipelines.label_tools import drawn
from tests.data_pipelines.video.written import write_video

NAMES = {"boris": "a.boris", "boris_aggregated": "a.tsv", "via": "a.json", "csv": "a.csv"}
TOOLS = ("elan", "boris", "boris_aggregated", "via", "cvat", "audacity", "webvtt", "csv")


def varying(folder):
    """30 frames a second up to second 5, 15 from there on."""
    return write_video(folder / "talk.mkv", range(225), times=[*range(150), *range(150, 300, 2)], gop=60)


def late(folder):
    """The pictures begin a second after the sound."""
    return write_video(folder / "talk.mp4", range(240), times=range(30, 270), sound=(0, 3), gop=60)


def cut(folder):
    """An edit list hides the first 15 frames."""
    path = write_video(folder / "talk.mp4", range(285))
    content = bytearray(path.read_bytes())
    place = content.index(b"elst") + 12
    length, start = (int.from_bytes(content[place + at : place + at + 4], "big") for at in (0, 4))
    content[place : place + 8] = (length - 500).to_bytes(4, "big") + (start + 15 * 512).to_bytes(4, "big")
    path.write_bytes(content)
    return path


# What writes a video -> (the frame shown at 8.0 s, that at 3.0 s, how many there are).
VIDEOS = {varying: (195, 90, 225), late: (210, 60, 240), cut: (240, 90, 270)}


@pytest.fixture(scope="module", params=VIDEOS, ids=lambda write: write.__name__)
def video(request, tmp_path_factory):
    """(folder with talk.*, (frame at 8.0 s, frame at 3.0 s, number of frames))."""
    folder = tmp_path_factory.mktemp("videos")
    path = request.param(folder)
    found = VideoFile(path)
    told = found.frame_at(8.0), found.frame_at(3.0), len(found)
    assert told == VIDEOS[request.param]
    return folder, told


def imported(path, folder, videos, *options):
    command = [str(path), "--output", str(folder), "--to", "frames", "--videos", str(videos), "--overwrite", *options]
    assert import_labels.main(command) == 0
    return (folder / "groundTruth" / "talk.txt").read_text().split("\n")[:-1]


def test_a_label_at_8_seconds(tmp_path, video):
    videos, (at_8, at_3, number) = video
    (tmp_path / "a.csv").write_text("video,start,end,label\ntalk,3.0,5.0,pour\ntalk,8.0,8.9,stir\n")
    labels = imported(tmp_path / "a.csv", tmp_path / "data", videos)
    assert len(labels) == number and labels.index("pour") == at_3
    assert labels.index("stir") == at_8


@pytest.mark.parametrize("tool", TOOLS)
def test_frames_come_back_through_every_tool(tmp_path, video, tool):
    videos, (at_8, at_3, number) = video
    labels = ["background"] * at_3 + ["pour"] * (at_8 - at_3 - 7) + ["stir"] * (number - at_8 + 7)
    labels[at_3 + 5] = "salt"
    (tmp_path / "data" / "groundTruth").mkdir(parents=True)
    (tmp_path / "data" / "groundTruth" / "talk.txt").write_text("".join(f"{name}\n" for name in labels))
    path = drawn.export(tmp_path / "data", tool, tmp_path / NAMES.get(tool, "files"), "--videos", str(videos))
    assert imported(path, tmp_path / "again", videos) == labels


def test_features_say_when_their_rows_are(tmp_path):
    """Rows of half a second whose windows begin at 0.25 s; the video begins a second late."""
    (tmp_path / "features").mkdir()
    np.save(tmp_path / "features" / "talk.npy", np.zeros((19, 4), np.float32))
    about = {"file": "talk.mp4", "start": 1.0, "duration": 11.0}
    centres = 1.25 + 0.5 * np.arange(19)
    FeatureTimes.of_centres(centres, dim=4, video=about, window=0.5, made_by={}).write(
        tmp_path / "features" / "talk.npy"
    )
    (tmp_path / "a.csv").write_text("video,start,end,label\ntalk,0.2,1.4,early\ntalk,8.0,11.0,stir\n")
    assert import_labels.main([str(tmp_path / "a.csv"), "--output", str(tmp_path), "--to", "frames"]) == 0
    labels = (tmp_path / "groundTruth" / "talk.txt").read_text().split("\n")[:-1]
    # Row 14 holds 8.0 s, between the centres 7.75 and 8.25.
    assert labels == ["background"] * 14 + ["stir"] * 5
    drawn.export(tmp_path, "elan", tmp_path / "documents", "--what", "frames")
    found = drawn.load(tmp_path / "documents", tmp_path / "again")
    assert [(item["label"], *item["segment"]) for item in found["talk"]] == [("stir", 8.0, 11.0)]


def test_times_that_a_tool_rounds():
    edges = np.arange(0, 91) / 29.97
    for number in range(91):
        assert frame_of(round(edges[number], 3), edges, 1e-3) == number
        assert frame_of(round(edges[number], 6), edges, 1e-6) == number
    assert frame_of(edges[7] - 0.0006, edges, 1e-3) == 6 and frame_of(edges[7] - 0.0004, edges, 1e-3) == 7
    assert frame_of(-1.0, edges, 1e-3) == 0 and frame_of(1e9, edges, 1e-3) == 90


def test_annotations_get_the_lengths_and_rates_of_videos(tmp_path, video):
    videos, (_, _, number) = video
    (tmp_path / "a.csv").write_text("video,start,end,label\ntalk,3.0,5.0,pour\n")
    assert import_labels.main([str(tmp_path / "a.csv"), "--output", str(tmp_path), "--videos", str(videos)]) == 0
    entry = json.loads((tmp_path / "annotations.json").read_text())["database"]["talk"]
    times = VideoFile(next(videos.glob("talk.*"))).times
    assert entry["duration"] == pytest.approx(2 * times[-1] - times[-2], abs=1e-6)
    assert entry.get("fps") in (None, 30.0) and (entry.get("fps") is None) == (number == 225)
