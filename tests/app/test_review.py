"""--mode review: which videos a page shows, and what is said of those that it cannot."""

import json

import numpy as np
import pytest

from data_pipelines.core.feature_times import FeatureTimes
from data_pipelines.extraction.feature_file import index_folder
from data_pipelines.representation.opening import INDEX_DIR
from data_pipelines.video import index_cache
from data_pipelines.video.video_file import VideoFile
from fact_jax import run_record
from fact_jax.app import command_flags, commands, review
from fact_jax.training.logging import writers
from fact_jax.types import UserError
from tests.reporting import workdirs
from tests.reporting.elements import Elements
from tests.reporting.review import made

HALVES = [(0, 30, "stir", 0.5), (30, 60, "background", 0.75)]


def data_of(folder):
    text = (folder / "review.html").read_text(encoding="utf-8")
    return json.loads(Elements(text).scripts[0])


def write(folder, videos=(), way="link"):
    lines = []
    review.of_folder(folder, None, list(map(str, videos)), way, lines.append)
    return data_of(folder)["videos"], lines


@pytest.fixture
def folder(tmp_path):
    """A folder with features, VIDEO.json and videos of them, as --mode extract leaves it; and a prediction."""
    (tmp_path / "videos").mkdir()
    (tmp_path / "features").mkdir()
    made.write_video(tmp_path / "videos" / "talk.mp4", made.varying_times())
    centres = (np.arange(10) + 0.5) * 0.38
    video = {"file": "talk.mp4", "sha256": "", "duration": 3.8, "frames": 60, "fps": 16.0}
    features = tmp_path / "features" / "talk.npy"
    FeatureTimes.of_centres(centres, dim=4, video=video, window=0.38, made_by={}).write(features)
    record = made.labelled("talk", [(0, 4, "stir", 0.5), (4, 10, "background", 0.75)], 10, source=features)
    return made.write_record(tmp_path, "talk", record)


def test_the_video_that_features_were_made_from_is_found(folder):
    (video,), lines = write(folder)
    assert video["src"] == "videos/talk.mp4"
    assert video["notes"] == [] or "rate varies" in video["notes"][0]
    # Row 4 begins at 1.52 s: the first frame from there on is the 32nd, which is shown at 1.56 s.
    assert video["predicted"][:3] == [3, 0, 32] and video["predicted"][4:7] == [0, 32, 60]
    assert "1 video (1 with pictures)" in lines[-1]


def test_a_video_that_is_gone_is_told(folder, tmp_path):
    (folder / "videos").rename(tmp_path / "moved")
    (video,), lines = write(folder)
    assert video["src"] is None
    assert f"recorded and are not found: talk.mp4; --mode review --input {folder} --videos THEIR_FOLDER" in lines[0]
    (video,), lines = write(folder, [folder / "moved"])
    assert video["src"] == "moved/talk.mp4" and not any("not found" in line for line in lines)


def test_a_video_that_was_extracted_is_not_gone_through_again(folder, monkeypatch):
    VideoFile(folder / "videos" / "talk.mp4", index_dir=index_folder(folder / "features"))
    monkeypatch.setattr(index_cache, "make_index", None)
    (video,), _ = write(folder)
    assert video["predicted"][4:7] == [0, 32, 60]
    assert not (folder / INDEX_DIR).exists()


def test_another_file_of_that_name_is_not_shown(folder):
    made.write_video(folder / "videos" / "talk.mp4", np.arange(20) / 10)
    (video,), _ = write(folder)
    assert video["src"] is None and "20 frames" in video["notes"][-1]


def test_features_of_another_length_say_nothing(folder):
    record = made.labelled("talk", [(0, 60, "stir", 0.5)], 60, source=folder / "features" / "talk.npy")
    made.write_record(folder, "talk", record)
    (video,), _ = write(folder, [folder / "videos"])
    assert "10 rows" in video["notes"][0] and video["predicted"][:3] == [3, 0, 60] and video["seconds"]


def test_rows_that_are_as_many_as_frames_are_the_frames(tmp_path):
    made.write_video(tmp_path / "a.mp4", made.varying_times())
    made.write_record(tmp_path, "a", made.labelled("a", HALVES, 60, fps=25.0))
    (video,), _ = write(tmp_path, [tmp_path / "a.mp4"])
    assert video["predicted"] == [3, 0, 30, 0.5, 0, 30, 60, 0.75]


def test_copies_and_conversions_lie_beside_the_page_and_old_ones_go(tmp_path):
    import av

    with av.open(str(tmp_path / "old.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = made.WIDTH, made.HEIGHT, "yuv420p"
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(made.picture(number)), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    made.write_video(tmp_path / "new.mp4", np.arange(20) / 10)
    for name in ("old", "new"):
        made.write_record(tmp_path, name, made.labelled(name, [(0, 20, "stir", 0.5)], 20))
    files = [tmp_path / "old.avi", tmp_path / "new.mp4"]
    (new, old), _ = write(tmp_path, files)
    assert new["notes"] == [] and "mpeg4 in AVI" in "".join(old["notes"]) and old["src"] == "old.avi"
    (new, old), lines = write(tmp_path, files, "transcode")
    assert new["src"] == "new.mp4" and old["src"].startswith("review_videos/old-") and "H.264" in lines[0]
    converted = VideoFile(tmp_path / old["src"])
    assert [made.number_in(frame) for frame in converted.frames(range(20))] == list(range(20))
    np.testing.assert_allclose(converted.times, np.arange(20) / 10, atol=1e-4)
    assert not any("H.264" in line for line in write(tmp_path, files, "transcode")[1])
    (new, old), _ = write(tmp_path, files, "copy")
    assert new["src"].startswith("review_videos/new-") and (tmp_path / new["src"]).read_bytes() == files[1].read_bytes()
    write(tmp_path, files)
    assert list((tmp_path / "review_videos").iterdir()) == []


def test_a_video_that_begins_late_is_converted_with_its_times(tmp_path):
    from fact_jax.app.runs import review_media

    made.write_video(tmp_path / "a.mp4", np.arange(10) / 10)
    opened = VideoFile(tmp_path / "a.mp4")
    opened.times = opened.times + 1.0
    review_media._transcode(opened, tmp_path / "b.mp4")
    converted = VideoFile(tmp_path / "b.mp4")
    np.testing.assert_allclose(converted.times, [0.0, *(1 + np.arange(10) / 10)], atol=1e-4)
    assert [made.number_in(frame) for frame in converted.frames(range(11))] == [0, *range(10)]


@pytest.mark.parametrize(
    "videos, expected",
    [
        (["none.mp4"], "file is missing"),
        (["other"], "none of 1 video files has the name of a video"),
        (["twice"], "name the files that are meant"),
    ],
)
def test_videos_that_cannot_be_meant(tmp_path, videos, expected):
    made.write_record(tmp_path, "a", made.labelled("a", HALVES, 60))
    for name in ("other/b.mp4", "twice/a.mp4", "twice/a.avi"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match=expected):
        write(tmp_path, [tmp_path / name for name in videos])


def test_a_file_that_is_no_video_is_said_on_the_page(tmp_path):
    made.write_record(tmp_path, "a", made.labelled("a", HALVES, 60, fps=25.0))
    (tmp_path / "a.mp4").write_bytes(b"no video at all")
    (video,), lines = write(tmp_path, [tmp_path / "a.mp4"])
    assert video["src"] is None and "a.mp4" in video["notes"][0] and "no video file for 1 of 1" in lines[0]


def test_folders_without_predictions(tmp_path):
    for folder, expected in ((tmp_path, "holds no predictions with segments"), (tmp_path / "none", "is no folder")):
        with pytest.raises(UserError, match=expected):
            review.of_folder(folder, None, (), "link", print)


def test_the_mode_makes_the_page_with_all_classes_of_the_run(tmp_path):
    workdirs.make_run(tmp_path / "run", {"one": np.repeat([0, 1], 10)}, {"one": np.repeat([0, 1], 10)})
    made.write_record(tmp_path / "out", "v", made.labelled("v", [(0, 3, "stir", 0.5)], 3, names=("stir",), fps=5.0))
    record = {"config": {"data": {"dir": "", "feature_dir": "features"}}, "derived": {"class_names": ["a", "stir"]}}
    run_record.write(tmp_path / "run", **record)
    console = writers.Console()
    options = command_flags.Options("review", input=(str(tmp_path / "out"),), workdir=str(tmp_path / "run"))
    command_flags.check(options)
    assert commands.run(options, console) == 0
    assert [one["name"] for one in data_of(tmp_path / "out")["classes"]] == ["a", "stir"]


def test_flags_that_cannot_be():
    options = command_flags.Options("review", input=("a", "b"), page_videos="move")
    with pytest.raises(UserError, match="expected link, copy, transcode(.|\n)*names 2 folders"):
        command_flags.check(options)
