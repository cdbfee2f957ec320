"""Lists of clips: every form that is read, and every fault with its line and what to do."""

import gzip
from fractions import Fraction
from pathlib import Path

import pytest

from data_pipelines.recognition.clip_lists import PAIR, SINGLE, Row, read_list
from data_pipelines.recognition.config import RecognitionDataConfig
from data_pipelines.recognition.listing import Head, read_listing

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "cast_lists"


def written(path, text):
    path.write_text(text)
    return path


def rows(path, text, layout="custom"):
    found = read_list(written(path / "list.csv", text), layout)
    assert found.problems == []
    return found


def faults(path, text, layout="custom"):
    problems = read_list(written(path / "list.csv", text), layout).problems
    return [(problem.line, problem.text) for problem in problems]


def test_published_lists(tmp_path):
    found = rows(tmp_path, "P01_01_0,3,15\nP01_01_1,0,7\n", "epic")
    assert found.labels == PAIR and found.rows == (Row(1, "P01_01_0", ("3", "15")), Row(2, "P01_01_1", ("0", "7")))
    found = rows(tmp_path, '38483.mp4 146\n\n"two words.mp4" 7\n', "ssv2")
    assert found.labels == SINGLE and found.rows == (Row(1, "38483.mp4", ("146",)), Row(3, "two words.mp4", ("7",)))


def test_your_own_lists(tmp_path):
    a = Row(1, "a.mp4", ("jump",))
    assert rows(tmp_path, "a.mp4,jump\n").rows == (a,)
    whole = rows(tmp_path, "\ufeffStop, label,video, start,rater\n,jump,a.mp4,,x\n1:02.5,run,b,0.5,y\n")
    assert whole.rows == (Row(2, "a.mp4", ("jump",)), Row(3, "b", ("run",), Fraction(1, 2), Fraction(125, 2)))
    assert whole.unread == ("rater",)
    pair = rows(tmp_path, '"a, b.mp4",take,"knife, small",1,2\n')
    assert pair.labels == PAIR
    assert pair.rows == (Row(1, "a, b.mp4", ("take", "knife, small"), Fraction(1), Fraction(2)),)
    (tmp_path / "list.csv").write_bytes(gzip.compress(b"a.mp4,jump\n"))
    assert read_list(tmp_path / "list.csv", "custom").rows == (a,)


@pytest.mark.parametrize(
    ("text", "layout", "line", "told"),
    [
        ("a 1 2\nb 1 3\n", "epic", 1, "values parted by spaces: 'a 1 2'; expected video,verb,noun, parted by commas"),
        ("a,1\nb,1\n", "ssv2", 1, "values parted by commas: 'a,1'; expected video label, parted by spaces"),
        ("a\t1\n", "custom", 1, "values parted by tabs: 'a\\t1'; expected video,label, parted by commas"),
        ("a,1,2\nb,1\n", "epic", 2, "2 values; expected video,verb,noun, parted by commas"),
        ("a,b,c,d,e,f\n", "custom", 1, "6 values; expected values parted by commas, without headings video,label or"),
        ("a,1\nvideo,label\n", "custom", 2, "headings 'video,label'; expected them in line 1 or nowhere"),
        ("video,lable\na,1\n", "custom", 1, "unknown column 'lable'; did you mean 'label'?"),
        ("video,verb\na,1\n", "custom", 1, "columns 'video, verb'; expected video, label (or verb and noun) and"),
        ("label,start,stop\n1,2,3\n", "custom", 1, "columns 'label, start, stop'; expected video, label"),
        ("video,label,start\na,1,2\n", "custom", 1, "columns 'video, label, start'; expected video, label"),
        ("video,video,label\na,a,1\n", "custom", 1, "two columns are called 'video'; expected every column once"),
        ("a,1,3,2\n", "custom", 1, "a clip from 3 to 2 s; expected a stop after the start"),
        ("a,1,3,3\n", "custom", 1, "a clip from 3 to 3 s; expected a stop after the start"),
        ("a,1,3,x\n", "custom", 1, "time 'x'; expected seconds, such as 12.5 or 1:02.5"),
        ("a,1,3,\n", "custom", 1, "time ''; expected seconds, such as 12.5 or 1:02.5"),
        ("a,\n", "custom", 1, "nothing in the column label; expected video,label"),
        ('a,"1\n', "custom", 1, "not a table (unexpected end of data); see to the quotation marks"),
        ("", "ssv2", 0, "no rows; expected video label, parted by spaces"),
        ("video,label\n", "custom", 0, "no rows below the headings"),
    ],
)
def test_faults_of_lists(tmp_path, text, layout, line, told):
    ((found_line, found),) = faults(tmp_path, text, layout)
    assert found_line == line and found.startswith(told)


def test_one_line_with_another_separator_does_not_hide_the_others(tmp_path):
    told = faults(tmp_path, "a,1\nb 1\nc;1\nd,\n")
    assert [line for line, _ in told] == [2, 3, 4] and "parted by semicolons: 'c;1'" in told[1][1]


def test_a_missing_list_and_a_binary_one(tmp_path):
    (problem,) = read_list(tmp_path / "none.csv", "custom").problems
    assert problem.text == "file is missing; expected a list of clips"
    (tmp_path / "x.csv").write_bytes(b"\x80\x81")
    (problem,) = read_list(tmp_path / "x.csv", "custom").problems
    assert "file cannot be read" in problem.text


def listed(root, train, test, videos=("a", "b", "c"), **settings):
    (root / "clips").mkdir(exist_ok=True)
    for name in videos:
        (root / "clips" / f"{name}.mp4").touch()
    (root / "train.csv").write_text(train)
    (root / "val.csv").write_text(test)
    return read_listing(RecognitionDataConfig(**settings), root)


def texts(listing):
    return [str(problem).split("/")[-1] for problem in (*listing.problems, *listing.missing)]


def test_names_become_numbers_in_the_order_of_the_alphabet(tmp_path):
    found = listed(tmp_path, "a,run\nb.mp4,jump\n", "c,run\n")
    assert texts(found) == [] and found.heads == (Head("label", ("jump", "run")),)
    assert [(clip.clip_id, clip.path.name, clip.labels) for clip in found.clips["train"]] == [
        ("a", "a.mp4", (1,)),
        ("b", "b.mp4", (0,)),
    ]
    (tmp_path / "classes.txt").write_text("run\nsit\njump\n")
    found = listed(tmp_path, "a,run\nb.mp4,jump\n", "c,run\n")
    assert found.heads == (Head("label", ("run", "sit", "jump")),)
    assert [clip.labels for clip in found.clips["train"]] == [(0,), (2,)]


def test_numbers_stay_as_they_are(tmp_path):
    found = listed(tmp_path, "a,2\nb,0\n", "c,2\n")
    assert found.heads == (Head("label", ("0", "1", "2")),) and texts(found) == []
    assert [clip.labels for clip in found.clips["train"]] == [(2,), (0,)]
    assert texts(listed(tmp_path, "a,2\nb,0\n", "c,3\n")) == [
        "val.csv:1: unknown label '3'; expected a number from 0 to 2"
    ]
    (tmp_path / "classes.txt").write_text("run\nsit\njump\nfall\n")
    assert listed(tmp_path, "a,2\nb,0\n", "c,3\n").heads == (Head("label", ("run", "sit", "jump", "fall")),)
    assert texts(listed(tmp_path, "a,2\nb,4\n", "c,3\n")) == [
        "train.csv:2: unknown label '4'; expected a number from 0 to 3"
    ]


def test_heads_have_nouns_first(tmp_path):
    found = listed(tmp_path, "video,verb,noun\na,take,cup\nb,put,tea\n", "c,put,cup\n")
    assert found.heads == (Head("noun", ("cup", "tea")), Head("verb", ("put", "take")))
    assert [clip.labels for clip in found.clips["train"]] == [(0, 1), (1, 0)]
    assert [clip.labels for clip in found.clips["test"]] == [(0, 0)]


def test_every_fault_of_both_lists_is_told_at_once(tmp_path):
    train = "a,run\na.mp4,jump\nd,run\n../b,run\nb,run,1,2\n"
    train = "video,label,start,stop\n" + "".join(f"{line}{',,' * (line.count(',') == 1)}\n" for line in train.split())
    found = listed(tmp_path, train, "c,runn\nb.avi,jump\nbb,walk\na,jump\n")
    told = "\n".join(map(str, (*found.problems, *found.missing)))
    for line in (
        "val.csv:1: unknown label 'runn'; did you mean 'run'?",
        "val.csv:3: unknown label 'walk'; expected one of the training list: jump, run",
        "train.csv:3: 'a.mp4' for the second time; it is in line 2 already: expected every clip once",
        "train.csv:5: a path with the part '..': '../b'; expected the name of a video",
        f"train.csv:4: {tmp_path}/clips/d: file is missing",
        f"val.csv:2: {tmp_path}/clips/b.avi: file is missing; clips has 'b.mp4'",
        f"val.csv:3: {tmp_path}/clips/bb: file is missing",
    ):
        assert line in told, line
    assert len(told.splitlines()) == 7


def test_parts_of_one_video_are_clips_of_their_own(tmp_path):
    found = listed(tmp_path, "a,x,0,1.5\na,y,1.5,3\nb,x,,\n", "a,x,3,4\na,y,2.5,3.5\n")
    assert texts(found) == []
    assert [clip.clip_id for clip in found.clips["train"]] == ["a_0-1.5", "a_1.5-3", "b"]
    # Parts that meet do not overlap.
    assert "Trained on and evaluated as well, 1 clip: a_2.5-3.5" in found.notes


def test_lists_with_other_columns_do_not_fit_together(tmp_path):
    (problem,) = listed(tmp_path, "a,take,cup\n", "c,take\n").problems
    assert problem.text == "labels in the columns label; expected verb, noun, as train.csv"


@pytest.mark.parametrize(
    ("layout", "train", "file"),
    [
        ("epic", "P01_1,96,299\n", "P01_1.mp4"),
        ("ssv2", "7.mp4 173\n", "7.mp4"),
        ("kinetics", "7.mp4 399\n", "train/7.mp4"),
    ],
)
def test_published_layouts_know_their_classes_and_where_videos_lie(tmp_path, layout, train, file):
    for name in (file, file.replace("train/", "val/")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = listed(tmp_path, train, train, layout=layout)
    assert texts(found) == [] and found.clips["train"][0].path == tmp_path / file
    sizes = {"epic": [("noun", 300), ("verb", 97)], "ssv2": [("label", 174)], "kinetics": [("label", 400)]}
    assert [(head.name, len(head.class_names)) for head in found.heads] == sizes[layout]
    wrong = listed(tmp_path, train.replace("9", "99"), train.replace("7.mp4 1", "7.mp4 9"), layout=layout)
    assert any("expected a number from 0 to" in text for text in texts(wrong))


@pytest.mark.skipif(not REAL.is_dir(), reason="the real lists are not beside this checkout")
def test_real_lists():
    rows = {
        ("ek100_train", "epic"): 67_217,
        ("ek100_val", "epic"): 9_668,
        ("ssv2_train_head", "ssv2"): 2_000,
        ("ssv2_val", "ssv2"): 24_777,
    }
    for (name, layout), number in rows.items():
        found = read_list(REAL / f"{name}.csv.gz", layout)
        assert (len(found.rows), found.problems) == (number, [])
