"""Labels that are those of no video: shuffled ones, ones that change at every frame, and copies."""

import re

import numpy as np
import pytest

from data_pipelines.segmentation.label_oddities import heading_of, label_notes, one_class_notes
from data_pipelines.segmentation.sources import open_sources
from fact_jax.types import UserError
from tests.data_pipelines.folders import CLASS_NAMES, make_videos, settings, write_folder

LENGTHS = tuple((f"v{i}", 120 + 7 * i) for i in range(6))


def videos(change=lambda labels, rng: labels, changed=(), lengths=LENGTHS):
    """{video: (features, labels)} with segments of 12 frames, some of them changed."""
    rng = np.random.default_rng(0)
    made = make_videos(lengths)
    for number, (name, (features, _)) in enumerate(made.items()):
        labels = (np.arange(len(features)) + 5 * number) // 12 % 4
        made[name] = features, change(labels, rng) if name in changed else labels
    return made


def notes_of(made):
    return label_notes({name: labels for name, (_, labels) in made.items()})


def shuffled(labels, rng):
    return rng.permutation(labels)


@pytest.mark.parametrize("changed", [["v2"], [name for name, _ in LENGTHS]])
@pytest.mark.parametrize(
    ("change", "mean"),
    [
        (shuffled, "1."),
        (lambda labels, rng: np.arange(len(labels)) % 4, "1.0"),
        (lambda labels, rng: np.arange(len(labels)) // 2 % 3, "2.0"),
        (lambda labels, rng: rng.permutation(np.arange(len(labels)) % 10 // 8), r"[23]."),
    ],
)
def test_labels_that_are_as_good_as_shuffled(change, mean, changed):
    [line] = notes_of(videos(change, changed))
    assert line.startswith(f"labels of {len(changed)} of 6 videos change as often as if they were shuffled (mean segm")
    assert re.search(f"segment {mean}", line) and f": {', '.join(changed[:3])}" in line


def test_labels_that_are_so_by_nature_are_quiet():
    assert notes_of(videos()) == ()
    rare = np.zeros(120, np.int64)
    rare[[30, 70, 71, 100]] = 1
    assert label_notes({"v0": rare, "v1": np.zeros(120, np.int64), "v2": np.arange(10) % 3}) == ()


def one_class(made, background=(0,)):
    return one_class_notes({name: labels for name, (_, labels) in made.items()}, CLASS_NAMES, background)


def test_a_few_videos_of_one_action_among_others_of_many():
    def change(labels, rng):
        return np.full_like(labels, 3)

    [line] = one_class(videos(change, ["v2"]))
    assert line.startswith(
        "labels of 1 of 6 videos are one class from the first to the last frame, where the others have about "
        "12 segments: v2 ('stir'). Is that a placeholder"
    )
    # Background alone is told elsewhere; where many are so, or the others are of one or two actions, it is the data.
    assert one_class(videos(change, ["v2"]), (0, 3)) == one_class(videos()) == []
    assert one_class(videos(change, ["v2", "v3", "v4"])) == []
    short = {name: (x, np.arange(len(x)) // 70) for name, (x, _) in videos().items()}
    assert one_class(short | {"v2": (short["v2"][0], np.full(134, 3))}) == []


def headed(labels, rng=None):
    return np.concatenate([[3], labels[:-1] % 3])


def test_a_line_of_headings_is_a_first_label_that_is_nowhere_else():
    def found(made):
        return heading_of({name: labels for name, (_, labels) in made.items()})

    names = [name for name, _ in LENGTHS]
    assert found(videos(headed, names)) == 3 and found(videos()) is None
    # All begin with one action, for more than a frame, or which comes again; too few videos to tell.
    assert found(videos(lambda labels, rng: np.concatenate([[3, 3], labels[2:] % 3]), names)) is None
    assert found(videos(lambda labels, rng: np.concatenate([[3], labels[1:]]), names)) is None
    assert found(videos(headed, names[:2], LENGTHS[:2])) is None


@pytest.mark.parametrize("more", [0, 1])
def test_a_line_of_headings_is_told_as_the_cause(more, tmp_path):
    """Whether labels are one more than features, or as many because the features have one more, too."""
    made = videos(headed, [name for name, _ in LENGTHS])
    made = {name: (x[: len(x) - more], labels) for name, (x, labels) in made.items()}
    write_folder(tmp_path, made)
    [line] = [line for line in open_sources(settings(tmp_path)).notes if "'stir'" in line]
    assert "abel files begin with 'stir', which is nowhere else: is that a line of headings? Then every label" in line
    assert line.startswith("all 6 videos have 1 label more than features: the last 1 of each are dropped. But") == more
    assert "optical flow" not in line


def test_labels_of_one_video_copied_to_others(tmp_path):
    """Where lengths fit it is a line; else it is the one problem, in the place of lengths without a rule."""
    first = videos()["v0"][1]
    made = videos(lambda labels, rng: first[: len(labels)], ["v1", "v3"], tuple((name, 120) for name, _ in LENGTHS))
    write_folder(tmp_path / "fit", made)
    [line] = [note for note in open_sources(settings(tmp_path / "fit")).notes if "labels" in note]
    assert line.startswith("3 videos have the very same labels: v0, v1, v3. Was the label file of one copied")
    write_folder(tmp_path / "other", videos(lambda labels, rng: first, [name for name, _ in LENGTHS[:5]]))
    with pytest.raises(UserError) as caught:
        open_sources(settings(tmp_path / "other"))
    assert "1 problem" in str(caught.value)
    assert (
        "groundTruth\n  1. 5 videos have the very same 120 labels (v0, v1, v2 and 2 more), which do not fit the "
        "features of 4 (v1, v2, v3 and 1 more); expected labels of their own"
    ) in str(caught.value)
