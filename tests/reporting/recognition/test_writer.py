"""What an evaluation of clips leaves: tables that agree with the scores, and pictures of the right clips."""

import csv
import json
import math

import numpy as np
import pytest
from PIL import Image

from fact_jax.reporting.recognition import score_files, tables, writer
from fact_jax.reporting.recognition.gallery import strip
from fact_jax.types import UserError
from tests.reporting.recognition import made


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("heads", [made.SINGLE, made.PAIRS], ids=["single", "pairs"])
def test_files_agree_with_the_scores(tmp_path, heads):
    evaluation = made.evaluate(heads, noise=3.0)
    scores, ends = evaluation.state().scores, [f"_{head}" for head in heads] if len(heads) > 1 else [""]
    assert writer.write_evaluation(evaluation, tmp_path, figures=True) == ()

    clips = rows_of(tmp_path / writer.CLIPS_FILE)
    assert [row["clip"] for row in clips] == made.clip_names(12)
    right = [all(row[f"true{end}"] == row[f"predicted{end}_1"] for end in ends) for row in clips]
    assert [row["right"] == "1" for row in clips] == right
    first = "Top1" if len(heads) == 1 else "Action@1"
    assert 100 * np.mean(right) == pytest.approx(scores.compute()[first]) and 0 < sum(right) < 12

    classes = rows_of(tmp_path / "tables" / "per_class.csv")
    assert [row["class_name"] for row in classes] == [name for names in heads.values() for name in names]
    assert sum(int(row["true_clips"]) for row in classes) == 12 * len(heads)
    for row in rows_of(tmp_path / "tables" / "confusions.csv"):
        end = f"_{row['head']}" if len(heads) > 1 else ""
        found = [c for c in clips if (c[f"true{end}"], c[f"predicted{end}_1"]) == (row["true"], row["predicted"])]
        assert len(found) == int(row["clips"]) and row["true"] != row["predicted"]
        assert float(row["share"]) == pytest.approx(100 * len(found) / int(row["clips_of_true"]), abs=1e-4)

    # Strips of the wrong clips whose answers are the most probable.
    wrong = sorted((clip for clip in scores.videos if not clip.is_right), key=lambda clip: -clip.confidence)[:4]
    pictures = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {name for name in pictures if name.startswith("error_")} == {
        writer.error_picture(tmp_path, clip.video_id).name for clip in wrong
    }
    matrices = {f"{kind}{end}.png" for end in ends for kind in ("confusion_matrix", "confusions")}
    assert pictures - {"errors.png"} >= matrices and "errors.png" in pictures
    with Image.open(writer.error_picture(tmp_path, wrong[0].video_id)) as picture:
        shown = np.asarray(picture).astype(float)
    assert np.abs(shown - strip(made.frames_of(wrong[0].video_id))).mean() < 20  # JPEG of noise


def test_pictures_of_an_earlier_evaluation_go(tmp_path):
    folder = tmp_path / "figures"
    folder.mkdir()
    for name in (
        "confusion_matrix_noun.png",
        "confusions.png",
        "errors.png",
        "error_clip 01.jpg",
        "training_curves.png",
    ):
        (folder / name).touch()
    writer.write_evaluation(made.evaluate(made.SINGLE), tmp_path, figures=False)
    assert [path.name for path in folder.iterdir()] == ["training_curves.png"]


def test_clips_that_cannot_be_read_are_told(tmp_path, monkeypatch):
    def read(video_id):
        raise UserError("it is gone")

    monkeypatch.setattr(writer, "_draw_confusions", lambda *arguments: None)
    lines = writer.write_evaluation(made.evaluate(made.PAIRS, noise=9.0, read_strip=read), tmp_path, figures=True)
    assert len(lines) == 4 and all("it is gone" in line for line in lines)
    assert not (tmp_path / "figures" / "errors.png").exists()
    evaluation = made.evaluate(made.PAIRS, noise=9.0, read_strip=None)
    assert writer.write_evaluation(evaluation, tmp_path, figures=True) == ()


@pytest.mark.parametrize("heads", [made.SINGLE, made.PAIRS], ids=["single", "pairs"])
def test_scores_come_back(tmp_path, heads):
    scored = writer.scored_clips(made.evaluate(heads, noise=3.0))
    score_files.write_scores(tmp_path, scored)
    found = score_files.read_scores(tmp_path)
    assert (found.class_names, found.dataset) == (scored.class_names, scored.dataset)
    assert found.state().compute() == scored.scores.compute() and found.state().means() == scored.scores.means()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": [3]}, "cannot be"),
        ({"ranks": [2]}, "contradict"),
        ({"classes": [[0, 0, 1]]}, "likely classes"),
        ({"probabilities": [[1.5, 0.1, 0.1]]}, "probability"),
        ({"labels": [0, 1]}, "heads"),
        ({"views": 0}, "views"),
    ],
)
def test_files_that_contradict_themselves_are_refused(tmp_path, change, said):
    path = score_files.write_scores(tmp_path, writer.scored_clips(made.evaluate(made.SINGLE, noise=0.0)))
    content = json.loads(path.read_text())
    content["videos"][0] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=f"'clip 00' has .*{said}"):
        score_files.read_scores(tmp_path)


def test_the_most_frequent_confusions_come_first():
    matrix = np.array([[5, 2, 0], [3, 1, 2], [0, 0, 9]])
    found = [(one.true, one.predicted, one.clips, one.total) for one in tables.confusions(matrix, 2)]
    assert found == [(1, 0, 3, 6), (1, 2, 2, 6)]


@pytest.mark.parametrize(("size", "width"), [((40, 60), 60), ((40, 400), 104), ((400, 40), 40)])
def test_strips_have_few_frames_of_sane_shape(size, width):
    frames = np.zeros((30, *size, 3), np.uint8)
    pixels = strip(frames, height=min(size[0], 100))
    each = (pixels.shape[1] + 2) / 8 - 2
    assert pixels.shape[0] == min(size[0], 100)
    cropped = min(size[0], math.inf if size[1] > size[0] else round(size[1] / 0.4))
    assert each == pytest.approx(width * pixels.shape[0] / cropped, abs=1)
