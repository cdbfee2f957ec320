"""Videos whose features are those of another."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines.core.copies import copies_note, pieces_note
from data_pipelines.core.value_measures import measure
from data_pipelines.localization.opening import open_localization
from data_pipelines.segmentation.sources import open_sources
from tests.data_pipelines import folders
from tests.data_pipelines.localization import folders as localization_folders

LISTS = {"train": ("a", "b"), "test": ("c", "d"), "validation": ("d",)}


def test_copies_are_told_and_whether_they_are_trained_with_and_evaluated():
    assert copies_note({"a": "1", "b": "2", "c": "3"}, LISTS) == ()
    assert copies_note({"a": "1", "b": "1"}, LISTS) == ("1 video with the features of another: b (as a)",)
    assert copies_note({"c": "1", "d": "1"}, LISTS) == ("1 video with the features of another: d (as c)",)
    across = "; one of the two is trained with and the other evaluated"
    assert copies_note({"c": "1", "a": "1"}, LISTS) == (f"1 video with the features of another: a (as c){across}",)
    (line,) = copies_note({"a": "1", "b": "1", "d": "1"}, LISTS)
    assert line == f"2 videos with the features of another: b (as a), d (as a){across}, of d (as a)"


def pieces_of(videos, checksums=None):
    values = {video: measure(np.float32(found)) for video, found in videos.items()}
    return pieces_note(values, {"train": ["a", "b"], "test": ["c", "d"]}, checksums or {})


def features(seed, length=300):
    return np.random.default_rng(seed).standard_normal((length, 8))


VIDEOS = {name: features(number) for number, name in enumerate("abcd")}


def test_nothing_of_another_video_is_quiet():
    assert pieces_of(VIDEOS) == ()
    # Black frames, one class a frame, and copies that are told as such.
    black = {name: np.where(np.arange(300)[:, None] < 40, 0, found) for name, found in VIDEOS.items()}
    assert pieces_of(black) == ()
    assert pieces_of({name: np.eye(9)[np.arange(90) // 10] for name in VIDEOS}) == ()
    assert pieces_of(VIDEOS | {"c": VIDEOS["a"]}, dict.fromkeys("ac", "same")) == ()
    # Another video that begins with a few frames of this one.
    assert pieces_of(VIDEOS | {"c": np.concatenate([VIDEOS["a"][:60], features(9)])}) == ()


@settings(max_examples=10, deadline=None)
@given(st.integers(60, 299), st.data())
def test_a_piece_of_another_video_is_told(length, data):
    start = data.draw(st.integers(0, 300 - length))
    piece = VIDEOS["a"][start : start + length]
    [line] = pieces_of(VIDEOS | {"c": piece})
    assert line == (
        f"1 video with frames of another: c (about 100% of its {length} frames are in a); one of the two is trained "
        "with and the other evaluated. Was it cut out of that one? Its scores say nothing of new videos"
    )
    assert pieces_of(VIDEOS | {"b": piece}) == (f"1 video with frames of another: b (about 100% of its {length} fr"
                                                "ames are in a)",)  # fmt: skip


def test_frames_in_another_order_or_beside_others_are_told():
    for change in (lambda x: x[::-2], lambda x: np.concatenate([x[:200], features(9, 90)]), lambda x: x):
        [line] = pieces_of(VIDEOS | {"d": change(VIDEOS["b"])})
        assert line.startswith("1 video with frames of another: d (about ") and "are in b); one of the two" in line


def test_both_kinds_tell_of_a_piece(tmp_path):
    made = folders.make_videos((("v0", 60), ("v1", 80), ("v2", 90), ("v3", 70), ("v4", 50)))
    made["v4"] = tuple(part[20:70] for part in made["v1"])
    folders.write_folder(tmp_path / "frames", made)
    line = "1 video with frames of another: v4 (about 100% of its 50 frames are in v1); one of the two is trained with"
    assert any(note.startswith(line) for note in open_sources(folders.settings(tmp_path / "frames")).notes)
    root = localization_folders.write_folder(tmp_path / "times")
    piece = np.load(root / "features" / "b.npy")[3:28]
    np.save(root / "features" / "d.npy", piece)
    line = "1 video with frames of another: d (about 100% of its 25 frames are in b); one of the two is trained with"
    notes = open_localization(localization_folders.settings(root), tmp_path).notes
    assert any(note.startswith(line) for note in notes)
