"""Videos that fall into two groups, channels that a part of the videos lacks, features that come more than once."""

import dataclasses
import json

import numpy as np
import pytest

from data_pipelines.core.channel_use import pack, unpack
from data_pipelines.core.feature_files import read_header
from data_pipelines.core.feature_values import ValueRange, compare_values, value_lines
from data_pipelines.core.finite import scan_file
from data_pipelines.core.value_measures import as_rows, from_rows, measure

WIDTH, NAMES = 40, [f"v{i:02}" for i in range(12)]
LISTS = {"train": NAMES[:8], "test": NAMES[8:]}


def videos(change=lambda x: x, changed=()):
    """{video: float32 [30 + i, 40]} of twelve videos, some of them changed."""
    rng = np.random.default_rng(0)
    made = {name: rng.standard_normal((30 + i, WIDTH)) * rng.uniform(0.8, 1.2) for i, name in enumerate(NAMES)}
    return {name: np.float32(change(x) if name in changed else x) for name, x in made.items()}


def lines_of(features, lists=LISTS):
    return value_lines({video: measure(found) for video, found in features.items()}, lists)


def normalised(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def without(channels):
    """A change that sets channels to zero."""

    def change(x):
        x = x.copy()
        x[:, channels] = 0
        return x

    return change


@pytest.mark.parametrize("number", [3, 4, 6])
def test_another_extractor_in_a_third_or_half_of_the_videos(number):
    """The groups of both scales are named, in one line, however many of the videos are changed."""
    features = videos(lambda x: x * 9, NAMES[-number:])
    [line] = lines_of(features, {"train": NAMES[:4], "test": NAMES[4:]})
    texts = [
        f"{len(group)} videos ({', '.join(group[:3])}{f' and {len(group) - 3} more' * (len(group) > 3)}) at about "
        f"{np.median([np.sqrt(np.square(features[name]).mean()) for name in group]):.2g}"
        for group in (NAMES[:-number], NAMES[-number:])
    ]
    assert line.startswith(f"values fall into two groups (root mean square): {', '.join(texts)}. Were two extractors")


def test_groups_of_another_sign_are_told_once():
    [line] = lines_of(videos(np.abs, NAMES[3:9]))
    assert line.startswith("no value is below 0 in 6 videos (v03, v04, v05 and 3 more), but 51% are in 6 videos (v00")
    [line] = lines_of(videos(lambda x: 9 * np.abs(x), NAMES[3:9]))
    assert line.startswith("values fall into two groups")


@pytest.mark.parametrize("scale", [1.0, 6.0])
def test_normalised_features_beside_raw_ones(scale):
    """Whatever the scales are, the line names the cause and no other line says it again."""
    [line] = lines_of(videos(lambda x: scale * normalised(x), LISTS["train"]))
    norm = "all frames have the same norm"
    assert line.startswith(f"{norm} ({scale:.2g}) in the 8 training videos; norms vary, by ")
    assert "in the 4 test videos. Were only some normalised (L2)?" in line
    [line] = lines_of(videos(normalised, NAMES[5:6]))
    assert line.startswith(f"{norm} (1) in 1 video (v05); norms vary")
    assert lines_of(videos(normalised, NAMES)) == ()


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (LISTS["test"], "20 of 40 channels (20 to 39) are the same in every frame of each of the 4 test videos, but"),
        (LISTS["train"], "20 of 40 channels (20 to 39) are the same in every frame of each of the 8 training videos,"),
        (NAMES[2:7], "20 of 40 channels (20 to 39) are the same in every frame of 5 of 12 videos, but not in the 7"),
        (NAMES[9:10], "20 of 40 channels (20 to 39) are the same in every frame of 1 of 12 videos, but not in the 11"),
    ],
)  # fmt: skip
def test_channels_that_say_nothing_in_some_videos(changed, line):
    [found] = lines_of(videos(without(slice(20, 40)), changed))
    assert found.startswith(line) and "stream" in found.lower()


def test_channels_that_are_never_used_or_of_rare_classes_are_quiet():
    assert lines_of(videos(without(slice(20, 40)), NAMES)) == ()
    rng = np.random.default_rng(3)
    one_hot = {
        name: np.eye(WIDTH, dtype=np.float32)[np.repeat(rng.choice(WIDTH, 6), rng.integers(1, 30, 6))] for name in NAMES
    }
    assert lines_of(one_hot) == ()
    assert lines_of({name: np.float32(x) * 0.3 for name, x in one_hot.items()}) == ()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda x: np.repeat(x, 6, axis=0), "features that come 6 times in a row, each, in 2 videos: v02, v05. Were"),
        (lambda x: x[np.arange(70) * 2 // 5], "features that come 2.5 times in a row, each, in 2 videos: v02, v05"),
        (
            lambda x: np.concatenate([x[:20], x[:20]]),
            "features that come again later in the same video, in 2 videos: 20 frames of v02 from 20 on are those",
        ),
        (
            lambda x: np.concatenate([x, x[3:17], x[:2] + 1]),
            "features that come again later in the same video, in 2 videos: 14 frames of v02 from 32 on are those",
        ),
    ],
)  # fmt: skip
def test_features_that_come_more_than_once(change, line):
    [found] = lines_of(videos(change, ["v02", "v05"]))
    assert found.startswith(line)
    every = lines_of(videos(change, NAMES))
    assert len(every) == 1 and ("all 12 videos" in every[0] or "in 12 videos" in every[0])


@pytest.mark.parametrize(("value", "what"), [(0, "0 in all channels"), (-1, "as frame 0"), (0.37, "as frame 0")])
@pytest.mark.parametrize("places", [slice(None, None, 4), slice(None, None, 6), [0, 7, 12, 13, 14, 20, 25]])
def test_missing_frames_that_were_filled_in(value, what, places):
    def change(x):
        x = x.copy()
        x[places] = value
        return x

    number = len(np.arange(32)[places])
    [line] = lines_of(videos(change, ["v02"]))
    assert line == (
        "frames that are the same in many places, among others that all differ, in 1 video: "
        f"{number} of 32 of v02 ({what}). Were frames missing and filled in? Extract them anew, or leave them out with "
        "their labels"
    )
    [line] = lines_of(videos(change, NAMES))
    assert line.startswith("frames that are the same in many places, among others that all differ, in 12 videos: ")


def test_sparse_features_are_no_missing_frames():
    """The few channels by which frames are told from each other may be 0 in many frames that others tell apart."""
    rng = np.random.default_rng(5)
    rare = {name: rng.random((60, 400)) * (rng.random((60, 400)) > 0.95) for name in NAMES}
    assert lines_of({name: np.float32(x) for name, x in rare.items()}) == ()


def test_a_frame_again_now_and_then_is_quiet():
    assert lines_of(videos(lambda x: np.concatenate([x, x[:3]]), ["v02"])) == ()
    cyclic = {name: np.float32(np.arange(40)[:, None] % 5 + np.linspace(0.1, 0.6, WIDTH)) for name in NAMES}
    assert lines_of(cyclic) == ()
    # Actions in the same order again, each for as long as it takes.
    rng = np.random.default_rng(4)
    order = np.tile(np.arange(10), 2)
    again = {name: np.float32(0.3 * np.eye(WIDTH)[np.repeat(order, rng.integers(3, 9, 20))]) for name in NAMES}
    assert lines_of(again) == ()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (normalised, "the same norm in all frames in a, norms that vary of the features trained with"),
        (np.abs, "no values below 0 in a, many in the features trained with"),
        (without(slice(20, 40)), "20 of 40 channels (20 to 39) are the same in every frame of 1 video, but changed in"),
        (lambda x: np.repeat(x, 3, axis=0), "features that come 3 times in a row, each, in 1 video: a"),
        (lambda x: np.tile(x, (2, 1)), "features that come again later in the same video, in 1 video: 32 frames of a"),
    ],
)  # fmt: skip
def test_new_videos_against_those_trained_with(change, line):
    trained = ValueRange.of({video: measure(found) for video, found in videos().items()})
    trained = ValueRange.from_record(json.loads(json.dumps(dataclasses.asdict(trained))))
    x, other = videos()["v02"], measure(videos()["v03"])
    [found] = compare_values({"a": measure(np.float32(change(x))), "b": other}, trained)
    assert found.startswith(line)
    assert compare_values({"b": other}, trained) == ()
    changed = ValueRange.of({video: measure(found) for video, found in videos(change, NAMES).items()})
    told = compare_values({"a": measure(np.float32(change(x)))}, changed)
    assert told == () or "come again" in told[0]


def test_records_from_before_there_were_these_measures():
    record = {"least": 0.5, "median": 1.0, "most": 2.0, "is_whole": False}
    trained = ValueRange.from_record(record)
    assert compare_values({"a": measure(np.abs(videos()["v02"]))}, trained) == ()
    for wrong in ({"least": 0}, {"negative": [1]}, {"usual_channels": "ff"}, {"other": 1}, {"norm_spread": "ab"}):
        with pytest.raises((ValueError, TypeError)):
            ValueRange.from_record(record | wrong)
    rows = as_rows({"a": measure(videos()["v02"])})
    former = {"a": rows["a"][:6]}
    assert value_lines(from_rows(former), {"train": ["a"]}) == ()
    for wrong in ([*rows["a"][:-1], "x"], rows["a"][:8], [*rows["a"][:10], "zz", *rows["a"][11:]]):
        with pytest.raises(ValueError, match=r"measure|non-hexadecimal"):
            from_rows({"a": wrong})
    with pytest.raises(ValueError, match="6 measures of video 'a'"):
        from_rows(former, complete=True)


@pytest.mark.parametrize("time_axis", ["first", "last"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_files_are_measured_as_arrays_are(time_axis, order, tmp_path, monkeypatch):
    """In whatever pieces a file is read."""
    features = without([3, 7])(np.repeat(np.tile(videos()["v02"][:15], (2, 1)), 2, axis=0))
    np.save(tmp_path / "v.npy", np.array(features if time_axis == "first" else features.T, order=order))
    monkeypatch.setattr("data_pipelines.core.finite._CHUNK_BYTES", 4 * 70)  # one row and a part, or two
    _, _, found = scan_file(tmp_path / "v.npy", read_header(tmp_path / "v.npy"), time_axis)
    expected = measure(features)
    assert (found.again_from, found.again_at, found.again_frames, found.run) == (0, 30, 30, 2.0)
    assert np.flatnonzero(unpack(found.still_channels, WIDTH)).tolist() == [3, 7]
    assert found.negative == np.mean(features < 0)
    assert found.norm == pytest.approx(np.median(np.linalg.norm(features, axis=1)), rel=1e-6)
    for name in ("rms", "norm", "norm_spread"):
        expected = dataclasses.replace(expected, **{name: pytest.approx(getattr(expected, name))})
    assert found == expected
    assert unpack(pack(np.zeros(5, bool)), 5).tolist() == [False] * 5
