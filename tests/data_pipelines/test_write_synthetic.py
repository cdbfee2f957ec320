"""The writer of synthetic videos: a folder that the other tools take, with the videos that the configs see."""

import os
import shlex

import numpy as np
import pytest

from configs import fact_custom, fact_synthetic, fact_synthetic_verb_noun
from data_pipelines import write_config, write_synthetic
from data_pipelines.core import command_line
from data_pipelines.segmentation.config import SegmentationDataConfig, SyntheticSegmentationConfig
from data_pipelines.segmentation.sources import open_sources
from fact_jax.types import UserError


def read_lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def test_the_tool_and_the_configs_make_the_same_dataset():
    for config, verb_noun in ((fact_synthetic, False), (fact_synthetic_verb_noun, True)):
        data = SegmentationDataConfig.parse(config.get_config().data)
        assert data.synthetic == SyntheticSegmentationConfig(verb_noun=verb_noun)


@pytest.mark.parametrize(("config", "options"), [(fact_synthetic, []), (fact_synthetic_verb_noun, ["--verb_noun"])])
def test_test_videos_of_the_config_and_more(tmp_path, capsys, config, options):
    folder = tmp_path / "to y"
    assert write_synthetic.main([str(folder), "--videos", "32", *options]) == 0
    expected = open_sources(SegmentationDataConfig.parse(config.get_config().data), subsets=("test",)).test
    names = sorted(path.stem for path in (folder / "features").iterdir())
    assert len(expected) == 30 and tuple(names[:30]) == expected.video_ids and len(names) == 32
    assert read_lines(folder / "splits" / "test.split1.bundle") == names
    assert [line.split(" ", 1)[1] for line in read_lines(folder / "mapping.txt")] == list(expected.class_names)
    for index in (0, 29):
        video = expected[index]
        stored = np.load(folder / "features" / f"{names[index]}.npy", allow_pickle=False)
        np.testing.assert_array_equal(stored, video.features.T)
        assert stored.dtype == np.float32 and stored.flags.c_contiguous
        labels = [expected.class_names[label] for label in video.labels]
        assert read_lines(folder / "groundTruth" / f"{names[index]}.txt") == labels
        order = [name for name, before in zip(labels, [None, *labels], strict=False) if name != before]
        assert read_lines(folder / "transcripts" / f"{names[index]}.txt") == order
    command = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert command[:2] == ["python", "main.py"] and command[command.index("--input") + 1] == str(folder / "features")


@pytest.mark.parametrize("options", [[], ["--verb_noun"]])
def test_a_folder_with_training_videos_is_a_dataset(tmp_path, options):
    folder = tmp_path / "toy"
    write_synthetic.main([str(folder), "--videos", "4", "--with_train", *options])
    data = fact_custom.get_config().data.unlock()
    data.dir, data.transcript_dir = str(folder), "transcripts"
    if options:
        data.verb_mapping_file, data.noun_mapping_file = "verb_mapping.txt", "noun_mapping.txt"
    sources = open_sources(SegmentationDataConfig.parse(data))
    assert len(sources.train) == 100 and len(sources.test) == 4 and len(sources.transcripts) == 4
    config = fact_synthetic_verb_noun if options else fact_synthetic
    made = open_sources(SegmentationDataConfig.parse(config.get_config().data))
    assert sources.class_names == made.class_names and sources.verb_nouns == made.verb_nouns
    np.testing.assert_array_equal(sources.train[99].features, made.train[99].features)
    assert write_config.main([str(folder), "--output", str(tmp_path / "config.py")]) == 0


def test_nothing_that_is_there_is_touched(tmp_path):
    (tmp_path / "mapping.txt").write_text("mine")
    for place in (tmp_path, tmp_path / "mapping.txt"):
        with pytest.raises(UserError, match="exists already. Choose a new or an empty folder"):
            write_synthetic.main([str(place)])
    assert os.listdir(tmp_path) == ["mapping.txt"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["toy", "--videos=0"], "--videos is 0, expected 1 to 10000"),
        (["toy", "--videos", "many"], "invalid int value"),
        (["file/toy"], "file/toy cannot be written"),
    ],
)
def test_mistakes_end_with_code_2(tmp_path, monkeypatch, capsys, arguments, text):
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        command_line.run(write_synthetic.main, arguments)
    assert stop.value.code == 2 and text in capsys.readouterr().err
