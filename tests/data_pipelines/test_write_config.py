"""The config writer: choices with reasons, and a file that main.py takes as it is."""

import ast
import importlib.util
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from configs import fact_custom
from data_pipelines import write_config
from data_pipelines.core import command_line
from data_pipelines.tools import segmentation_proposal
from fact_jax.app import config_rules
from fact_jax.types import UserError
from tests.data_pipelines.folders import CLASS_NAMES, make_videos, write_folder
from tests.data_pipelines.localization import folders as localization_folders

ROOT = Path(__file__).resolve().parents[2]


def load(path, arg=""):
    spec = importlib.util.spec_from_file_location("written", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = module.get_config(arg)
    config_rules.check_choices(config)
    return config


def write(folder, *arguments):
    """Runs the tool on a folder; returns the config."""
    path = folder.parent / "my_config.py"
    assert write_config.main([str(folder), "--output", str(path), "--overwrite", *map(str, arguments)]) == 0
    return load(path)


def counts_of(videos):
    transcripts = [labels[np.r_[True, np.diff(labels) != 0]] for _, labels in videos.values()]
    return [len(t) for t in transcripts], [len(set(t.tolist())) for t in transcripts]


def test_published_rules(tmp_path, capsys):
    videos = write_folder(tmp_path / "toy", time_axis="first")
    segments, classes = counts_of(videos)
    config = write(tmp_path / "toy")
    assert config.is_locked and config.data.is_locked and config.name == "my_config"
    assert config.loss.match == "o2o" and config.model.num_tokens == int(max(segments) * 1.5)
    assert config.data.average_transcript_length == round(np.mean(segments), 2)
    assert config.data.time_axis == "first" and config.data.background_ids == (0,)
    assert config.data.dir == str(tmp_path / "toy") and config.data.dataset == "toy"
    assert config.model.blocks == "iuU" and config.model.time_mask.max_frames == 60
    out = capsys.readouterr().out
    assert f"1.5 times the most segments of any video, {max(segments)}" in out and "by name" in out
    assert "python main.py --config" in out
    config = write(tmp_path / "toy", "--match", "o2m", "--token_ratio", 3)
    assert config.loss.match == "o2m" and config.model.num_tokens == 3 * max(classes)
    assert config.data.average_transcript_length == round(np.mean(classes), 2)


def test_options_are_taken(tmp_path):
    write_folder(tmp_path / "toy")
    options = (
        "--num_tokens 77 --base breakfast --batch_size 3 --fps 12.5 --background stir --sample_rate 2 "
        "--evaluate_background --length_tolerance 4"
    )
    config = write(tmp_path / "toy", *options.split(), "--name", 'a "b"\\c')
    assert config.model.num_tokens == 77 and config.model.blocks == "iuUU" and config.train.batch_size == 3
    assert config.data.fps == 12.5 and config.data.background_ids == (3,) and config.data.sample_rate == 2
    assert config.data.evaluate_background and config.data.dataset == 'a "b"\\c' and config.data.length_tolerance == 4


def test_names_of_any_characters(tmp_path, capsys):
    """Also those that JSON writes in another way than Python, and those that would end the docstring."""
    folder = tmp_path / 'to\U0001f600y """\\N "\u3000'
    write_folder(folder)
    path = tmp_path / 'my "\U0001f600""""\\x\'s config.py'
    assert write_config.main([str(folder), "--output", str(path)]) == 0
    config = load(path)
    assert config.data.dir == str(folder) and config.data.dataset == folder.name
    command = capsys.readouterr().out.splitlines()[-1]
    assert shlex.split(command)[:4] == ["python", "main.py", "--config", str(path)]
    [line] = [line for line in ast.get_docstring(ast.parse(path.read_text())).splitlines() if "Command: " in line]
    assert shlex.split(line)[4] == str(path)


def test_the_command_in_the_file_works_from_elsewhere(tmp_path, monkeypatch, capsys):
    write_folder(tmp_path / "toy")
    (tmp_path / "my configs").mkdir()
    monkeypatch.chdir(tmp_path / "my configs")
    assert write_config.main([str(tmp_path / "toy"), "--output", "my config.py"]) == 0
    path = tmp_path / "my configs" / "my config.py"
    [line] = [line for line in path.read_text().splitlines() if line.startswith("Command: ")]
    assert shlex.split(line)[1:] == ["python", "main.py", "--config", str(path), "--workdir", "runs/my_config"]
    assert "--config 'my config.py'" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["a:b.py", "a\udcff.py"])
def test_places_that_config_cannot_name(tmp_path, name):
    write_folder(tmp_path / "toy")
    with pytest.raises(UserError, match="UTF-8 characters without a colon"):
        write_config.main([str(tmp_path / "toy"), "--output", str(tmp_path / name)])


@pytest.mark.parametrize(("real", "given"), [("last", "first"), ("first", "last")])
def test_a_wrong_time_axis_names_the_option(tmp_path, real, given):
    write_folder(tmp_path / "toy", time_axis=real)
    with pytest.raises(UserError, match=f"axes the other way round.*; set --time_axis {real}") as error:
        write(tmp_path / "toy", "--time_axis", given)
    assert "config.data" not in str(error.value)
    (tmp_path / "toy" / "groundTruth" / "v2.txt").unlink()
    with pytest.raises(UserError, match=rf"(?s)v2.txt\n.*file is missing.*\(--time_axis {real} would apply to all\)"):
        write(tmp_path / "toy", "--time_axis", given)


def test_tokens_must_outnumber_the_average_transcript(tmp_path):
    """Only where the base takes the weight of unmatched tokens from their number; see configs/fact_*.py."""
    for base in segmentation_proposal.BASES["fact"]:
        config = importlib.import_module(f"configs.fact_{base}").get_config()
        assert (config.loss.null_weight == -1) == (base not in segmentation_proposal._FIXED_NULL_WEIGHT)
    videos = {name: (features[:20], np.repeat([0, 1, 2, 3, 1], 4)) for name, (features, _) in make_videos().items()}
    write_folder(tmp_path / "toy", videos)
    with pytest.raises(UserError, match="--num_tokens is 5, expected more: videos have 5 segments on average"):
        write(tmp_path / "toy", "--num_tokens", 5)
    assert write(tmp_path / "toy", "--num_tokens", 6).model.num_tokens == 6
    (tmp_path / "toy" / "groundTruth" / "v0.txt").write_text("stir\n" * 20)
    assert write(tmp_path / "toy", "--num_tokens", 5).model.num_tokens == 5
    write_folder(tmp_path / "pairs", videos)
    make_verbs_and_nouns(tmp_path / "pairs")
    assert write(tmp_path / "pairs", "--num_tokens", 5).loss.null_weight > 0


def test_arguments_after_the_colon(tmp_path):
    write_folder(tmp_path / "toy")
    write(tmp_path / "toy")
    path = tmp_path / "my_config.py"
    assert load(path, "split=fold3,seed=2").data.split == "fold3" and load(path, "seed=2").seed == 2
    assert load(path, "quick").data.reader == "synthetic"


AUGMENTATION = ("crop_share", "max_speed", "gain_deviation", "offset_deviation")


def test_few_videos_take_the_small_recipe(tmp_path, monkeypatch, capsys):
    write_folder(tmp_path / "toy")
    recipes = {name: fact_custom.get_config(f"recipe={name}") for name in segmentation_proposal.RECIPES["fact"]}
    for name, width in segmentation_proposal.RECIPES["fact"].items():
        assert recipes[name].model.input_block.hidden_dim == width
        written = write(tmp_path / "toy", "--recipe", name)
        assert written.optimizer == recipes[name].optimizer
        assert [written.data[key] for key in AUGMENTATION] == [recipes[name].data[key] for key in AUGMENTATION]
    assert write(tmp_path / "toy", "--base", "custom").optimizer == recipes["small"].optimizer
    assert "recipe=small, with" in capsys.readouterr().out
    monkeypatch.setattr(segmentation_proposal, "FEW_VIDEOS", 0)
    assert write(tmp_path / "toy").optimizer == recipes["published"].optimizer
    assert "--recipe small is for up to 0" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(UserError, match="fact_gtea.py has no recipes: take --base custom"):
        write(tmp_path / "toy", "--base", "gtea", "--recipe", "small")
    with pytest.raises(UserError, match="mstcn has no --recipe"):
        write(tmp_path / "toy", "--system", "mstcn", "--recipe", "small")


def test_more_videos_take_fewer_epochs_of_the_small_recipe(tmp_path, monkeypatch, capsys):
    """As many updates; the learning rate falls to the last one."""
    write_folder(tmp_path / "toy")
    videos = len((tmp_path / "toy" / "splits" / "train.split1.bundle").read_text().split())
    shipped = fact_custom.get_config("recipe=small")
    assert shipped.train.epochs == segmentation_proposal.SMALL_EPOCHS
    monkeypatch.setattr(segmentation_proposal, "SMALL_UPDATES", 40 * videos - 1)
    config = write(tmp_path / "toy")
    optimizer = config.optimizer
    assert config.train.epochs == 40 == optimizer.warmup_epochs + optimizer.cosine_epochs
    assert optimizer.warmup_epochs / 40 == shipped.optimizer.warmup_epochs / shipped.train.epochs
    assert f"epochs=40: {40 * videos - 1} updates" in " ".join(capsys.readouterr().out.split())
    # Of all videos at once, an epoch is one update.
    monkeypatch.setattr(segmentation_proposal, "SMALL_UPDATES", 40)
    assert write(tmp_path / "toy", "--batch_size", videos).train.epochs == 40


def test_very_many_segments_take_a_token_per_class(tmp_path, capsys):
    rng = np.random.default_rng(0)
    flicker = np.arange(600) % 4
    videos = make_videos() | {"v5": (rng.standard_normal((600, 6)).astype(np.float32), flicker)}
    write_folder(tmp_path / "toy", videos)
    config = write(tmp_path / "toy")
    assert config.loss.match == "o2m" and config.model.num_tokens == 6
    assert 'match="o2m"' in capsys.readouterr().out
    assert write(tmp_path / "toy", "--match", "o2o").model.num_tokens == 900


def test_one_segment_per_video_leaves_room_for_an_unmatched_token(tmp_path):
    videos = {name: (features, np.ones(len(labels), int)) for name, (features, labels) in make_videos().items()}
    write_folder(tmp_path / "toy", videos)
    config = write(tmp_path / "toy")
    assert config.model.num_tokens == 2 and config.data.average_transcript_length == 1.0


def test_many_classes_widen_the_model(tmp_path):
    write_folder(tmp_path / "toy")
    with open(tmp_path / "toy" / "mapping.txt", "a") as file:
        file.writelines(f"{i} class{i}\n" for i in range(len(CLASS_NAMES), 600))
    assert write(tmp_path / "toy").model.input_block.hidden_dim == 640


def test_long_videos_get_a_hint(tmp_path, capsys):
    labels = np.repeat([0, 1, 2, 3], 5000)
    write_folder(tmp_path / "toy", make_videos() | {"v5": (np.zeros((20000, 6), np.float32), labels)})
    assert write(tmp_path / "toy").data.sample_rate == 1
    assert "try --sample_rate 3" in " ".join(capsys.readouterr().out.split())


def test_nothing_is_overwritten_or_written_for_a_broken_folder(tmp_path):
    write_folder(tmp_path / "toy")
    path = tmp_path / "my_config.py"
    path.write_text("mine")
    with pytest.raises(UserError, match="exists already.*--overwrite"):
        write_config.main([str(tmp_path / "toy"), "--output", str(path)])
    assert path.read_text() == "mine"
    (tmp_path / "toy" / "mapping.txt").rename(tmp_path / "mapping.txt")  # nothing is read before the file is refused
    with pytest.raises(UserError, match="exists already.*--overwrite"):
        write_config.main([str(tmp_path / "toy"), "--output", str(path)])
    (tmp_path / "mapping.txt").rename(tmp_path / "toy" / "mapping.txt")
    with pytest.raises(UserError, match="ends in .py"):
        write_config.main([str(tmp_path / "toy"), "--output", str(tmp_path / "my_config")])
    with pytest.raises(UserError, match="--num_tokens is 1, but a video has"):
        write(tmp_path / "toy", "--num_tokens", 1)
    (tmp_path / "toy" / "features" / "v1.npy").unlink()
    (tmp_path / "toy" / "groundTruth" / "v2.txt").write_text("sitr\n")
    with pytest.raises(UserError, match="has 3 problems") as error:
        write(tmp_path / "toy")
    assert "v1.npy" in str(error.value) and "nearest class is 'stir'" in str(error.value)


def make_verbs_and_nouns(root):
    """Gives a folder written by `write_folder` classes of a verb and a noun."""
    for name in ("verb_mapping.txt", "noun_mapping.txt"):
        (root / name).write_text("0 a\n1 b\n")
    names = ("a,a", "a,b", "b,a", "b,b")
    (root / "mapping.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(names)))
    for path in (root / "groundTruth").iterdir():
        path.write_text("".join(names[CLASS_NAMES.index(name)] + "\n" for name in path.read_text().splitlines()))


def test_verbs_and_nouns_take_the_epic_settings(tmp_path):
    write_folder(tmp_path / "toy")
    make_verbs_and_nouns(tmp_path / "toy")
    path = tmp_path / "my_config.py"
    assert write_config.main([str(tmp_path / "toy"), "--output", str(path)]) == 0
    assert "from configs import fact_epic\n" in path.read_text()
    assert '"verb_mapping_file": "verb_mapping.txt"' in path.read_text()
    with pytest.raises(UserError, match="which take epic"):
        write(tmp_path / "toy", "--base", "gtea")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["none"], "is not a folder"),
        (["."], "has no lists of training and test videos"),
        ([".", "--match", "o2"], "invalid choice"),
        ([".", "--fps=inf"], "expected a number from 0.001 to 1e+06, or 0"),
        ([".", "--token_ratio", "2", "--num_tokens", "9"], "not allowed with argument --token_ratio"),
        ([".", "--token_ratio", "0.5"], "'0.5'; expected a number from 1 to 100"),
    ],
)
def test_mistakes_end_with_code_2(tmp_path, monkeypatch, capsys, arguments, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        command_line.run(write_config.main, arguments)
    assert stop.value.code == 2 and text in capsys.readouterr().err


@pytest.mark.parametrize("system", segmentation_proposal.BASES)
def test_every_system_that_labels_frames(tmp_path, capsys, system):
    """Background classes are those that were found, also none; settings are those of the system's custom config."""
    videos = write_folder(tmp_path / "toy", time_axis="first")
    mapping = tmp_path / "toy" / "mapping.txt"
    mapping.write_text(mapping.read_text().replace("background", "walk"))
    for path in (tmp_path / "toy" / "groundTruth").iterdir():
        path.write_text(path.read_text().replace("background", "walk"))
    config = write(tmp_path / "toy", "--system", system)
    assert config.data.background_ids == () and config.data.time_axis == "first"
    assert f"configs/{system}_custom.py" in " ".join(capsys.readouterr().out.split())
    given = write(tmp_path / "toy", "--system", system, "--background", "walk", "--batch_size", 3)
    assert given.data.background_ids == (0,) and given.train.batch_size == 3
    arguments = "recipe=small" if system in segmentation_proposal.RECIPES else ""
    shipped = importlib.import_module(f"configs.{system}_custom").get_config(arguments)
    assert config.model.name == shipped.model.name
    ours, theirs = config.to_dict(), shipped.to_dict()
    assert {name: ours[name] for name in ("optimizer", "train", "eval")} == {
        name: theirs[name] for name in ("optimizer", "train", "eval")
    }
    if system in segmentation_proposal.TOKEN_SYSTEMS:
        assert config.model.num_tokens == int(max(counts_of(videos)[0]) * 1.5)
    else:
        assert ours["model"] == theirs["model"] and config.data.average_transcript_length == 0
        with pytest.raises(UserError, match=f"{system} has no --match, --num_tokens"):
            write(tmp_path / "toy", "--system", system, "--num_tokens", 9, "--match", "o2m")
    path = tmp_path / "my_config.py"
    assert load(path, "split=2,seed=1").data.split == "split2" and load(path, "quick").data.reader == "synthetic"


def test_bases_exist():
    for system, bases in segmentation_proposal.BASES.items():
        for base in bases:
            assert importlib.util.find_spec(f"configs.{system}_{base}")


def test_pairs_are_classes_for_systems_without_verbs_and_nouns(tmp_path, capsys):
    write_folder(tmp_path / "toy")
    make_verbs_and_nouns(tmp_path / "toy")
    config = write(tmp_path / "toy", "--system", "faformer")
    assert config.data.verb_mapping_file == config.data.noun_mapping_file == "" and config.model.blocks == "iuU"
    assert "pairs of a verb and a noun are classes like others for faformer" in capsys.readouterr().out
    with pytest.raises(UserError, match="--base is egoprocel; asformer has custom, gtea, breakfast, 50salads"):
        write(tmp_path / "toy", "--system", "asformer", "--base", "egoprocel")


def test_annotations_get_actionformer(tmp_path, capsys):
    root = localization_folders.write_folder(tmp_path / "toy")
    config = write(root, "--feature_stride", 4, "--window", 8)
    assert config.model.name == "actionformer" and config.data.dir == str(root) and config.is_locked
    assert (config.data.feature_stride, config.data.window, config.data.max_frames) == (4, 8, 576)
    assert config.data.train_subsets == ("training",) and config.data.test_subsets == ("validation",)
    path = tmp_path / "my_config.py"
    assert load(path, "quick").data.reader == "synthetic" and load(path, "seed=3").seed == 3
    assert '("training",)' in path.read_text()
    with pytest.raises(UserError, match="(?s)mstcn learns from a label for every frame.*--system actionformer"):
        write(root, "--system", "mstcn")
    with pytest.raises(UserError, match="actionformer has no --background, --num_tokens"):
        write(root, "--num_tokens", 3, "--background", "jump")
    write_folder(root)
    assert write(root).model.name == "fact" and write(root, "--system", "mstcn").model.name == "mstcn"
    assert "annotations.json is there as well, which --system actionformer takes" in capsys.readouterr().out
    with pytest.raises(UserError, match="fact has no --window"):
        write(root, "--window", 3)
    (root / "annotations.json").unlink()
    with pytest.raises(UserError, match="(?s)learns from segments with times.*has no annotations.json.*labels frames"):
        write(root, "--system", "actionformer")


@pytest.mark.slow
def test_main_runs_the_config_from_another_folder(tmp_path):
    write_folder(tmp_path / "toy")
    path = tmp_path / "elsewhere" / "mine.py"
    write_config.main([str(tmp_path / "toy"), "--output", str(path)])
    blocks = [f"--config.model.{block}_block.frame_layers=2" for block in ("input", "update", "temporal")]
    small = ["--config.train.steps=2", "--config.data.max_buckets=1", "--config.model.segment_buckets=()", *blocks]
    command = [sys.executable, str(ROOT / "main.py"), "--config", "mine.py", "--workdir", "run", *small]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (path.parent / "run" / "results.json").is_file()
