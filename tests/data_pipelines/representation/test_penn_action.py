"""PennAction from its images and labels, without TFRecords."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data_pipelines.representation import penn_action
from data_pipelines.representation.config import RepresentationDataConfig
from data_pipelines.representation.opening import open_representation
from data_pipelines.representation.published import PENN_ACTIONS
from data_pipelines.video.clips import ClipConfig
from fact_jax.types import UserError


def write(root, videos):
    """Images and labels of videos: {(subset, action, name): (labels, number of images)}."""
    for (subset, action, name), (labels, num_images) in videos.items():
        (root / "labels" / subset / action).mkdir(parents=True, exist_ok=True)
        np.save(root / "labels" / subset / action / f"{name}.npy", np.asarray(labels))
        (root / "frames" / name).mkdir(parents=True, exist_ok=True)
        for number in range(num_images):
            picture = np.full((30, 50, 3), 10 * number, np.uint8)
            Image.fromarray(picture).save(root / "frames" / name / f"{number + 1:06d}.jpg", quality=95)
    return [str(root / "out"), "--frames", str(root / "frames"), "--labels", str(root / "labels")]


def test_the_written_folder_is_one_of_the_published_layout(tmp_path, capsys):
    arguments = write(
        tmp_path,
        {
            ("train", "bowl", "0003"): ([0, 0, 1, 2], 4),
            ("train", "baseball_pitch", "0001"): ([0, 1, 3], 7),
            ("val", "bowl", "0002"): ([0, 0, 1, 1, 2, 2], 3),
            ("val", "jump_rope", "0009"): ([0, 0], 2),
        },
    )
    assert penn_action.main(arguments) == 0
    told = capsys.readouterr().out
    assert "val: left out, as published: jump_rope" in told and "train: 2 videos; published are 1140" in told
    assert "train: fewer labels than frames, which are thinned out: 0001" in told
    root = tmp_path / "out"
    lists = {"train_list": "train.json", "test_list": "val.json"}
    data = RepresentationDataConfig(dir=str(root), layout="penn_action", clip=ClipConfig(num_frames=2), **lists)
    sources = open_representation(data)
    assert sources.groups == tuple(PENN_ACTIONS)
    assert [video.video_id for video in sources.train] == ["0001_baseball_pitch", "0003_bowl"]
    found = {video.video_id[:4]: video for video in sources.train + sources.test}
    assert {name: sources.groups[video.group] for name, video in found.items()} == {
        "0001": "baseball_pitch",
        "0002": "bowl",
        "0003": "bowl",
    }
    assert {video.video.size for video in found.values()} == {(224, 224)}
    # Frames 0, 2 and 4 of seven, and labels 0, 2 and 4 of six.
    shown = {name: video.video.frames(range(len(video.video)))[:, 5, 5, 0] for name, video in found.items()}
    np.testing.assert_allclose(shown["0001"], [0, 20, 40], atol=2)
    np.testing.assert_allclose(shown["0002"], [0, 10, 20], atol=2)
    assert {name: video.labels.tolist() for name, video in found.items()} == {
        "0001": [0, 1, 3],
        "0002": [0, 1, 2],
        "0003": [0, 0, 1, 2],
    }


def test_all_problems_at_once(tmp_path):
    arguments = write(
        tmp_path,
        {
            ("train", "bowl", "0001"): ([0, 3], 2),
            ("train", "bowling", "0002"): ([0], 1),
            ("val", "squat", "0003"): ([0.5, 1], 2),
            ("val", "squat", "0004"): ([0, 1], 0),
            ("train", "squat", "0005"): ([0, 1], 2),
            ("val", "bowl", "0005"): ([0, 1], 2),
        },
    )
    with pytest.raises(UserError) as caught:
        penn_action.main(arguments)
    for part in (
        "5 problems",
        "int64 from 0 to 3; expected a phase of 0 to 2 for every frame",
        "bowling\n  1. no action of PennAction with phases; did you mean 'bowl'?",
        "float64 from 0.5 to 1",
        "0004\n",
        "labels of '0005' are there twice",
    ):
        assert part in str(caught.value), part
    assert not (tmp_path / "out").exists()


@given(st.integers(1, 300), st.integers(1, 300))
def test_the_longer_one_is_thinned_evenly(num_frames, num_labels):
    frames, labels = penn_action.matched(num_frames, num_labels)
    short, long = sorted((num_frames, num_labels))
    assert len(frames) == len(labels) == short
    expected = [j * long // short for j in range(short)]
    assert [frames.tolist(), labels.tolist()] == (
        [list(range(short)), expected] if num_labels >= num_frames else [expected, list(range(short))]
    )
