"""Which annotated videos are used: one file or two, tables of subsets, annotations that nobody reads, odd classes."""

import json

import pytest

from data_pipelines.localization.opening import open_localization
from fact_jax.types import UserError
from tests.data_pipelines.localization.folders import entries, settings, write_folder


def other_form(entry):
    rest = {key: value for key, value in entry.items() if key != "annotations"}
    return rest | {"actions": [[item["label_id"], *item["segment"]] for item in entry["annotations"]]}


def write_two(root, train, test):
    """A folder with an annotation file for training and one, test.json, for the evaluation; returns its settings."""
    write_folder(root, train | test)
    (root / "annotations.json").write_text(json.dumps({"database": train}))
    (root / "test.json").write_text(json.dumps({"database": test}))
    return settings(root, test_annotation_file="test.json")


def parts(change=lambda item: item):
    """Entries of two videos to train with, and of two to test on whose annotations are changed."""
    train, test = {}, {}
    for name, entry in entries().items():
        kept = train if name in "ab" else test
        items = entry["annotations"] if name in "ab" else [change(dict(item)) for item in entry["annotations"]]
        kept[name] = entry | {"annotations": items}
    return train, test


@pytest.mark.parametrize(("videos", "subset"), [("abcd", "train"), ("cd", "test"), ("a", "train")])
def test_annotations_under_another_key_are_refused_with_it(tmp_path, videos, subset):
    changed = {name: other_form(entry) if name in videos else entry for name, entry in entries().items()}
    with pytest.raises(
        UserError, match=rf"{subset} videos, such as '[ac]', (?:has|have) no annotations, but .* under 'actions'"
    ):
        open_localization(settings(write_folder(tmp_path, changed)))


def test_an_evaluation_without_a_segment_is_refused_and_single_videos_are_told(tmp_path):
    empty = {name: entry | {"annotations": []} if name in "cd" else entry for name, entry in entries().items()}
    with pytest.raises(UserError, match="no test video of 2 has a segment"):
        open_localization(settings(write_folder(tmp_path, empty)))
    (tmp_path / "annotations.json").write_text(json.dumps(empty | {"d": entries()["d"]}))
    assert "1 of 2 test videos has no segment; all that is found there counts as wrong: c" in "\n".join(
        open_localization(settings(tmp_path)).notes
    )


def test_videos_that_are_not_used_are_counted(tmp_path):
    unused = {"subset": "Testing", "annotations": []}
    root = write_folder(tmp_path, entries(e=unused, f=unused, g={"annotations": []}))
    (root / "subsets.csv").write_text("video,subset\na,training\nnobody,training\nb.mp4,training\n")
    text = "\n".join(open_localization(settings(root, subset_file="subsets.csv")).notes)
    for line in ("2 annotated videos are of the subset 'testing' and are not used",
                 "1 annotated video is of no subset and is not used",
                 "2 of 3 videos of the subset table have no annotations: nobody, b.mp4 (expected 'b')",
                 "6 annotated videos are not in the subset table, and keep the subset of the annotations, if any: "
                 "b, c, d, and 3 more"):  # fmt: skip
        assert line in text


def test_videos_that_the_table_moves_are_told(tmp_path):
    root = write_folder(tmp_path)
    (root / "subsets.csv").write_text("video,subset\na,Training\nb,validation\nc,validation\nd,training\n")
    source = open_localization(settings(root, subset_file="subsets.csv"))
    assert [note for note in source.notes if "subset table" in note] == [
        "1 video of the subset 'training' in the annotations is of 'validation' in the subset table, which is used: b",
        "1 video of the subset 'validation' in the annotations is of 'training' in the subset table, which is used: d",
    ]


def test_a_table_of_other_videos_or_with_one_twice_is_refused(tmp_path):
    root = write_folder(tmp_path)
    (root / "subsets.csv").write_text("video,subset\nA,training\nB,training\nA,validation\n")
    with pytest.raises(UserError) as error:
        open_localization(settings(root, subset_file="subsets.csv"))
    text = str(error.value)
    assert "line 4: video 'A' is there twice; expected once, as in line 2" in text
    assert "no video of the table is in the annotations: it has 'A'" in text


def test_odd_classes_are_told(tmp_path):
    changed = entries()
    changed["c"]["annotations"] += [{"label": "Jump", "label_id": 2, "segment": [0, 1]}] * 3
    text = "\n".join(open_localization(settings(write_folder(tmp_path, changed))).notes)
    assert "the classes 'jump', 'Jump' differ in capitals, spaces, hyphens or Unicode form only" in text
    assert "1 class of 3 test segments has no training segment: Jump" in text
    assert "2 test annotations repeat another one, with the same class and times; doubles count once" in text


def test_a_class_that_means_nothing_and_one_in_another_spelling_are_told(tmp_path):
    changed = entries()
    changed["a"]["annotations"].append({"label": "SIL", "label_id": 2, "segment": [0, 1]})
    for number, name in ((3, "high-jump"), (4, "high jump")):
        changed["ac"[number - 3]]["annotations"].append({"label": name, "label_id": number, "segment": [0, 1]})
    lines = open_localization(settings(write_folder(tmp_path, changed))).notes
    assert any(line.startswith("'SIL' is learned and scored as 1 action: does the name mean that") for line in lines)
    spelt = "the classes 'high-jump', 'high jump' differ in capitals, spaces, hyphens or Unicode form only and are used"
    assert [line for line in lines if "jump" in line and "high" in line][0].startswith(spelt)
    assert not any("nearly the name" in line for line in lines)


def test_classes_that_are_slips_of_the_pen_are_told(tmp_path):
    changed = entries()
    for video, name in (("c", "jumps"), ("a", "runn")):
        changed[video]["annotations"].append({"label": name, "segment": [0, 1]})
    for item in (item for entry in changed.values() for item in entry["annotations"]):
        item.pop("label_id", None)
    text = "\n".join(open_localization(settings(write_folder(tmp_path, changed))).notes)
    assert "1 class of 1 test segment has no training segment: jumps (did you mean 'jump'?)" in text
    assert "1 class without a test segment has nearly the name of another: runn (did you mean 'run'?)" in text


@pytest.mark.parametrize("subsets", [True, False])
def test_two_files_number_their_classes_together(tmp_path, subsets):
    def without_id(item):
        return {key: value for key, value in item.items() if key != "label_id"} | {"label": f"a {item['label']}"}

    train, test = parts(without_id)
    for entry in train.values():
        entry["annotations"] = [{k: v for k, v in item.items() if k != "label_id"} for item in entry["annotations"]]
    if not subsets:
        train, test = ({n: {k: v for k, v in e.items() if k != "subset"} for n, e in p.items()} for p in (train, test))
    sources = open_localization(write_two(tmp_path, train, test))
    assert sources.class_names == ("a jump", "a run", "jump", "run")
    assert (sources.train.video_ids, sources.test.video_ids) == (("a", "b"), ("c", "d"))
    assert (sources.train.segments(0)[1].tolist(), sources.test.truth.labels["c"].tolist()) == ([2, 3], [0, 1])


def test_ids_that_contradict_those_of_the_other_file_are_refused(tmp_path):
    data = write_two(tmp_path, *parts(lambda item: item | {"label_id": 1 - item["label_id"]}))
    with pytest.raises(UserError, match=r"test.json\n.*'jump' has label_id 1; it had 0 before, in .*annotations.json"):
        open_localization(data)
    data = write_two(tmp_path, *parts(lambda item: {"label": "fly", "segment": item["segment"]}))
    with pytest.raises(UserError, match="'fly' without an id"):
        open_localization(data)


def test_a_video_in_both_files_is_refused(tmp_path):
    train, test = parts()
    with pytest.raises(UserError, match="trained with and tested on, such as 'a'; expected others than"):
        open_localization(write_two(tmp_path, train, test | {"a": train["a"] | {"subset": "validation"}}))


@pytest.mark.parametrize(
    ("item", "found"),
    [
        ({"label": 3, "class": "fly", "segment": [0, 1]},
         "1 annotation, such as one of video 'a', has 3 for a label and its name, 'fly', under 'class'; "
         "expected 'label': 'fly', 'label_id': 3"),
        ({"label": 3, "segment": [0, 1]}, "has 3 for a label; expected the name of its class as 'label'"),
        ({"class": "fly", "segment": [0, 1]}, "and its name, 'fly', under 'class'; expected 'label': 'fly'"),
        ({"segment": [0, 1]}, "has no label; expected 'label'"),
        ({"label": " fly", "label_id": 2, "segment": [0, 1]}, "the label ' fly' has white space around it"),
        ({"label": "fly", "label_id": True, "segment": [0, 1]}, "label_id is True; expected a whole number"),
        ({"label": "run", "label_id": 1, "segment": [-3, 1]}, "from -3 to 1; expected seconds from the start"),
        ({"label": "run", "label_id": 1, "segment": [0, 1e9]}, "from 0 to 1e.09; expected seconds from the start"),
        ({"label": "run", "label_id": 1, "segment": [0, " 1"]}, "from 0 to ' 1'; expected seconds, start <= end"),
    ],
)  # fmt: skip
def test_annotations_that_cannot_be_used_are_told_with_the_way_out(tmp_path, item, found):
    changed = entries()
    changed["a"]["annotations"].append(item)
    with pytest.raises(UserError, match=found):
        open_localization(settings(write_folder(tmp_path, changed)))


def test_ids_without_a_class_and_an_evaluation_of_the_training_are_told(tmp_path):
    changed = entries()
    for entry in changed.values():
        entry["annotations"] = [item | {"label_id": item["label_id"] + 1} for item in entry["annotations"]]
    notes = open_localization(settings(write_folder(tmp_path, changed), test_subsets=("training",))).notes
    assert "1 of 3 class ids has no annotation: 0; are the ids counted from 1?" in notes
    assert "the 2 videos to train with are those that are evaluated" in notes


def test_slips_in_the_names_of_subsets_are_told(tmp_path):
    changed = entries(e=entries()["a"] | {"subset": "trainning"})
    changed["b"]["subset"] = "training"
    notes = open_localization(settings(write_folder(tmp_path, changed))).notes
    assert (
        "the subset 'training' is written 'Training' in 1 video and 'training' in 1 video; they are taken for one"
        in (notes)
    )
    assert "1 annotated video is of the subset 'trainning' and is not used; did you mean 'training'?" in notes


def test_a_table_of_subsets_that_no_setting_names_is_told(tmp_path):
    root = write_folder(tmp_path)
    (root / "splits").mkdir()
    (root / "splits" / "subsets.split1.csv").write_text("video,subset\na,training\nc,validation\n")
    line = (
        "splits/subsets.split1.csv is not used: subsets are those of annotations.json; "
        "config.data.subset_file=splits/subsets.split1.csv takes the subsets of the table"
    )
    assert line in open_localization(settings(root)).notes
    assert line not in open_localization(settings(root, subset_file="splits/subsets.split1.csv")).notes


def test_annotations_copied_from_video_to_video_are_told(tmp_path):
    changed = entries()
    assert not [line for line in open_localization(settings(write_folder(tmp_path))).notes if "very same" in line]
    for name in "abc":
        changed[name]["annotations"].append({"label": "run", "label_id": 1, "segment": [0.25, 0.75]})
    lines = [line for line in open_localization(settings(write_folder(tmp_path, changed))).notes if "very same" in line]
    assert lines == ["3 videos have the very same annotations, to the last digit: a, b, c"]


def test_annotations_of_two_people_are_counted(tmp_path):
    changed = entries()
    for name in "ab":
        twice = [
            item | {"segment": [time + 0.1 for time in item["segment"]]} for item in entries()[name]["annotations"]
        ]
        changed[name]["annotations"] += twice
    changed["c"]["annotations"].append({"label": "run", "label_id": 1, "segment": [1.05, 2.0]})
    lines = [line for line in open_localization(settings(write_folder(tmp_path, changed))).notes if "nearly" in line]
    assert lines == [
        "8 of 8 train annotations have nearly the same times as another one of the same class and video; "
        "all of them count; were the annotations of two people merged?",
        "2 of 5 test annotations have nearly the same times as another one of the same class and video; "
        "all of them count",
    ]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (
            lambda start, end: [start, end - start],
            r"8 of 10 .* from 1.1 to 0.5: they look like \[start, length\]; expected",
        ),
        (lambda start, end: [end, start], r"10 of 10 .* from 0.5 to 0.2: they look like \[end, start\]; expected"),
    ],
)
def test_segments_that_end_before_they_start_have_their_cause_named(tmp_path, change, cause):
    times = [(0.2, 0.5), (1.1, 1.6), (2, 2.4), (2.2, 2.6), (3, 3.25)]
    items = [{"label": "run", "label_id": 0, "segment": change(*pair)} for pair in times]
    changed = {name: entries()[name] | {"annotations": items} for name in "ac"}
    with pytest.raises(UserError, match=f" 1 problem:\n.*\n.*{cause}"):
        open_localization(settings(write_folder(tmp_path, changed)))


def test_segments_that_come_again_under_another_class_are_told(tmp_path):
    videos = {f"v{n}": entry for n, entry in enumerate([*entries().values()] * 2)}
    videos = json.loads(json.dumps(videos))
    # One class that is a kind of another.
    for entry in videos.values():
        entry["annotations"].append(entry["annotations"][0] | {"label": "leap", "label_id": 2})
    notes = open_localization(settings(write_folder(tmp_path / "a", videos))).notes
    assert not any("the very same times" in note for note in notes)
    for name in ("v0", "v4"):
        videos[name]["annotations"].append(videos[name]["annotations"][1] | {"label": "leap", "label_id": 2})
    notes = open_localization(settings(write_folder(tmp_path / "b", videos))).notes
    (line,) = [note for note in notes if "the very same times" in note]
    assert line.startswith("4 of 26 annotations have the very same times as one of another class in their video")
    assert line.endswith("all of them count: 'run' and 'leap'")
