"""Transcripts from text files: two forms, one meaning; every fault of every file at once."""

import itertools

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from data_pipelines.segmentation.transcripts import collect_transcripts, read_transcript, read_transcripts
from fact_jax.types import UserError

NAMES = ("background", "take cup", "pour_milk")
IDS = {name: i for i, name in enumerate(NAMES)}


def test_other_forms_of_text(tmp_path):
    path = tmp_path / "v.txt"
    text = "\ufeffbackground\r\ntake cup \r\n background\r\npour_milk\r\n\r\n"
    path.write_text(text, encoding="utf-8", newline="")
    transcript, problems = read_transcript(path, IDS)
    assert transcript.tolist() == [0, 1, 0, 2] and transcript.dtype == np.int32
    assert problems == []


@hypothesis.settings(derandomize=True, max_examples=50, deadline=None)
@hypothesis.given(st.lists(st.tuples(st.sampled_from(NAMES), st.integers(1, 4)), min_size=1, max_size=9))
def test_repeats_do_not_matter(tmp_path_factory, runs):
    folder = tmp_path_factory.mktemp("transcripts")
    (folder / "frames.txt").write_text("".join(f"{name}\n" * count for name, count in runs))
    merged = [name for name, _ in itertools.groupby(name for name, _ in runs)]
    (folder / "order.txt").write_text("\n".join(merged))
    read = read_transcripts(folder, ["frames", "order"], NAMES)
    assert read["frames"].tolist() == read["order"].tolist() == [IDS[name] for name in merged]


def test_all_problems_of_all_files(tmp_path):
    (tmp_path / "good.txt").write_text("take cup\n")
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "names.txt").write_text("take cup\npour_mlk\npour_mlk\nzzz\n")
    (tmp_path / "vidoe.txt").write_text("take cup\n")
    videos = ["good", "empty", "names", "video", "P01_xyz99", "good"]
    with pytest.raises(UserError) as error:
        read_transcripts(tmp_path, videos, NAMES)
    message = str(error.value)
    assert message.startswith(f"The transcripts in {tmp_path} have 5 problems:")
    assert "no labels; expected one class name per line, in the order of the actions" in message
    assert "line 2: unknown label 'pour_mlk' (2 lines); the nearest class is 'pour_milk'" in message
    assert "line 4: unknown label 'zzz'" in message
    assert "file is missing; " + tmp_path.name + " has 'vidoe.txt'" in message
    assert "file is missing; expected one .txt file per video to evaluate or predict" in message
    transcripts, problems = collect_transcripts(tmp_path, videos, NAMES)
    assert list(transcripts) == ["good"] and len(problems) == 5


def test_one_bad_file_for_prediction(tmp_path):
    (tmp_path / "table.txt").write_text("0,take cup\n1,pour_milk\n")
    _, [problem] = read_transcript(tmp_path / "table.txt", IDS)
    assert problem.text == (
        "a number and a class, such as '0,take cup'; expected one class name per line, in the order of the actions, "
        "and nothing else: drop the first column"
    )
    transcript, [problem] = read_transcript(tmp_path / "v.txt", IDS)
    assert transcript.shape == (0,) and transcript.dtype == np.int32 and problem.found == "file is missing"


def test_a_missing_folder_is_one_problem(tmp_path):
    with pytest.raises(UserError, match="(?s)have 1 problem:.*folder of transcripts is missing"):
        read_transcripts(tmp_path / "none", ["a", "b"], NAMES)
