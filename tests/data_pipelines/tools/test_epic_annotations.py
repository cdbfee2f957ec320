"""CSV files of EPIC-Kitchens: both forms, exact frames, overlaps, and every fault with its line."""

import gzip

import hypothesis
import pytest
from hypothesis import strategies as st

from data_pipelines.tools.epic_annotations import (
    Action,
    frame_labels,
    read_actions,
    read_class_names,
    read_dataset,
    read_lengths,
)
from fact_jax.types import UserError

EPIC = "narration_id,video_id,start_timestamp,stop_timestamp,narration,verb_class,noun_class,all_nouns\n"
C2 = "narration_id,video,start,stop,verb,noun,action\n"


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_both_forms_give_the_same_actions(tmp_path):
    """Four lines of the validation lists of both repositories."""
    stamps = EPIC + (
        "a,P01_11,00:00:00.00,00:00:01.89,take plate,0,2,['plate']\n"
        "b,P01_11,00:00:01.56,00:00:02.45,\"put plate, down\",1,2,['plate']\n"
        "c,P01_12,00:00:49.15,00:00:50.95,take paper,0,49,\"['paper', 'x']\"\n"
        "d,P01_12,01:00:02.30,01:00:02.31,take paper,0,49,['paper']\n"
    )
    frames = C2 + (
        "a,P01_11,1,56,0,2,106\nb,P01_11,46,73,1,2,1216\nc,P01_12,1474,1528,0,49,9\nd,P01_12,108069,108069,0,49,9\n"
    )
    expected = {
        "P01_11": [Action(1, 56, 0, 2), Action(46, 73, 1, 2)],
        "P01_12": [Action(1474, 1528, 0, 49), Action(108069, 108070, 0, 49)],
    }
    assert read_actions(write(tmp_path, "epic.csv", stamps), 30) == (expected, [])
    assert read_actions(write(tmp_path, "c2.csv", frames), 30) == (expected, [])
    (tmp_path / "epic.csv.gz").write_bytes(gzip.compress(stamps.encode()))
    assert read_actions(tmp_path / "epic.csv.gz", 30.0, 2, 50) == (expected, [])


def test_bad_rows(tmp_path):
    text = EPIC + (
        "a,P01,00:00:01.00,00:00:02.00,x,2,0,[]\n"
        "b,P01,0:1,00:00:02.00,x,0,-1,[]\n"
        "c,,00:00:01.00,00:00:02.00,x,0,0,[]\n"
        "d,P01,00:00:03.00,00:00:02.00,x,0,0,[]\n"
        "e,P01,00:00:03.00\n"
    )
    actions, problems = read_actions(write(tmp_path, "epic.csv", text), 30, 2, 2)
    assert actions == {}
    problems = sorted(problems, key=lambda problem: problem.line)
    assert [problem.line for problem in problems] == [2, 3, 4, 5, 6]
    assert [problem.found for problem in problems] == [
        "verb '2'",
        "noun '-1', time '0:1'",
        "video ''",
        "stops at 00:00:02.00 before it starts at 00:00:03.00",
        "3 values",
    ]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "file is missing"),
        (b"", "columns ''"),
        (b"video,begin\nP01,3\n", "columns 'video, begin'"),
        (b"\xff\xfe\x00", "cannot be read"),
        (C2.encode(), "no rows"),
    ],
)
def test_files_that_are_no_list_of_actions(tmp_path, content, text):
    path = tmp_path / "actions.csv"
    if content is not None:
        path.write_bytes(content)
    _, [problem] = read_actions(path, 30)
    assert text in problem.found


def test_a_damaged_archive(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(C2.encode() * 50)[:-20])
    _, [problem] = read_actions(tmp_path / "a.csv.gz", 30)
    assert "cannot be read" in problem.found


def test_class_names_and_lengths(tmp_path):
    text = "\ufeffid,key,instances,category\n0,take,\"['take', 'get']\",a\n1,turn-on,[],b\n"
    good = write(tmp_path, "good.csv", text)
    assert read_class_names(good) == (("take", "turn-on"), [])
    bad = write(tmp_path, "bad.csv", 'id,key\n0,take\n2,put\n2,take\n3,"a,b"\n4,background\n')
    assert [problem.line for problem in read_class_names(bad)[1]] == [3, 4, 5, 6]
    lengths = write(tmp_path, "lengths.csv", "video,frames\nP01,30\nP02,one\nP03,1\n")
    found, problems = read_lengths(lengths)
    assert found == {"P01": 30} and [problem.line for problem in problems] == [3, 4]


def test_all_problems_of_all_files(tmp_path):
    verbs, nouns = write(tmp_path, "v.csv", "id,key\n1,take\n"), write(tmp_path, "n.csv", "id,key\n0,cup\n")
    train = write(tmp_path, "train.csv", C2 + "a,P01,1,5,0,0,0\nb,P02,1,5,0,1,0\n")
    test = write(tmp_path, "test.csv", C2 + "a,P01,1,5,0,0,0\nb,P03,5,4,0,0,0\n")
    with pytest.raises(UserError) as error:
        read_dataset({"train": train, "test": test}, 30, verbs, nouns, write(tmp_path, "l.csv", "video,frames\nP9,9\n"))
    message = str(error.value)
    assert message.startswith("The annotations have 5 problems:")
    for part in ("class id '1'", "noun '1'", "'P01' is in the training list too", "stops at 4", "no length of video"):
        assert part in message


def test_classes_are_the_pairs_that_occur_with_background_first(tmp_path):
    verbs = write(tmp_path, "v.csv", "id,key\n0,take\n1,put\n")
    nouns = write(tmp_path, "n.csv", "id,key\n0,cup\n1,pan\n")
    train = write(tmp_path, "train.csv", C2 + "a,P01,1,5,1,1,0\nb,P01,7,9,0,1,0\n")
    test = write(tmp_path, "test.csv", C2 + "a,P03,1,5,0,1,0\nb,P03,7,9,0,0,0\n")
    dataset = read_dataset({"train": train, "test": test}, 30, verbs, nouns)
    assert dataset.class_names == ["background,background", "take,cup", "take,pan", "put,pan"]
    assert dataset.verbs == ("take", "put", "background") and dataset.nouns == ("cup", "pan", "background")
    assert dataset.videos == {"train": ["P01"], "test": ["P03"]} and dataset.lengths is None


def slow_labels(actions, num_frames):
    """The rule word by word: of the actions at a frame, the latest to start, then the first to stop, then the last."""
    labels = []
    for frame in range(1, num_frames + 1):
        shown = [(a.start, -a.stop, i) for i, a in enumerate(actions) if a.start <= frame < a.stop]
        labels.append(max(shown)[2] if shown else -1)
    return labels


@hypothesis.settings(derandomize=True, max_examples=100, deadline=None)
@hypothesis.given(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 9)), max_size=6), st.integers(1, 15))
def test_overlaps(times, num_frames):
    actions = [Action(start, start + length, 0, 0) for start, length in times]
    assert frame_labels(actions, num_frames).tolist() == slow_labels(actions, num_frames)
