"""CAST's configs hold the settings of the published recipes, agree in their keys, and shrink."""

import importlib
from pathlib import Path

import pytest

from configs._base import cast_variants
from fact_jax.app import config_rules
from fact_jax.app.config_rules import leaves
from fact_jax.app.runs import recognition
from fact_jax.training import optimizers

NAMES = sorted(path.stem for path in (Path(__file__).parents[2] / "configs").glob("cast_*.py"))
RECIPES = ("cast_epic", "cast_ssv2", "cast_k400")
# Scripts of github.com/KHU-VLL/CAST at 51eb871: dotted key -> one value for each of RECIPES.
PUBLISHED = {
    "train.epochs": (50, 50, 70),
    "optimizer.warmup_epochs": (5, 5, 5),
    "train.batch_size": (384, 384, 576),
    "train.micro_batch_size": (6, 6, 6),
    "optimizer.learning_rate": (1.5e-3, 1.5e-3, 2.25e-3),
    "optimizer.lowest_rate": (1.5e-6, 1.5e-6, 2.25e-6),
    "optimizer.name": ("adamw",) * 3,
    "optimizer.weight_decay": (0.05,) * 3,
    "optimizer.clip_norm": (0.0,) * 3,
    "optimizer.ema_decay": (0.0,) * 3,
    "optimizer.layer_decay": (0.75,) * 3,
    "model.drop_path": (0.2, 0.3, 0.2),
    "model.init_scale": (1.0,) * 3,
    "model.head_dropout_rate": (0.0,) * 3,
    "loss.mixup_probability": (0.9, 0.9, 0.5),
    "loss.mixup_alpha": (0.8,) * 3,
    "loss.label_smoothing": (0.1,) * 3,
    "data.augmentation.rand_augment": ("rand-m7-n4-mstd0.5-inc1",) * 3,
    "data.augmentation.flip": (0.5, 0.0, 0.5),
    "data.augmentation.erase": (0.0,) * 3,
    "data.augmentation.size": (224,) * 3,
    "data.sampling.num_frames": (16,) * 3,
    "data.sampling.num_samples": (1,) * 3,
    "data.sampling.strategy": ("segment", "segment", "dense"),
    "data.sampling.stride": (4,) * 3,
    "data.sampling.test_chunks": (2, 2, 5),
    "data.sampling.test_crops": (3,) * 3,
    "eval.batch_size": (9,) * 3,
}


def load(name, *arguments):
    return importlib.import_module(f"configs.{name}").get_config(*arguments)


@pytest.mark.parametrize("key", PUBLISHED)
def test_published_values(key):
    assert tuple(leaves(load(name))[key] for name in RECIPES) == pytest.approx(PUBLISHED[key])


def test_the_learning_rate_peaks_twice_and_ends_near_its_lowest():
    config, steps = load("cast_k400"), 10
    rate = optimizers.learning_rate_schedule(config.optimizer, steps)
    total = config.train.epochs * steps
    assert float(rate(0)) == 0.0 and [float(rate(49)), float(rate(50))] == pytest.approx([2.25e-3] * 2)
    assert 2.25e-6 < float(rate(total - 1)) < 2.26e-6 + 1e-7


@pytest.mark.parametrize("name", NAMES)
def test_configs_agree_in_their_keys_and_shrink(name):
    config, quick = load(name), load(name, "quick,seed=1")
    assert config.name == name and config.is_locked and quick.seed == 1
    for each in (config, quick):
        assert leaves(each).keys() == leaves(load("cast_synthetic")).keys()
        config_rules.check_choices(each)
        recognition.check_settings(each)
        assert each.train.epochs == each.optimizer.warmup_epochs + each.optimizer.cosine_epochs
    assert quick.data.reader == "synthetic" and quick.data.dir == "" and quick.model.dim == 16
    for key in ("experts", "adapters", "train_experts", "drop_path"):
        assert quick.model[key] == config.model[key]
    assert quick.loss.to_dict() == config.loss.to_dict()
    assert quick.eval.select_metric == config.eval.select_metric
    # Two classifiers of the drawn clips stand for those of verbs and nouns.
    assert quick.data.synthetic.pairs == (config.eval.select_metric == "Action@1")


@pytest.mark.parametrize("expert", ["clip", "videomae"])
@pytest.mark.parametrize("name", RECIPES)
def test_a_single_expert_differs_in_nothing_else(name, expert):
    both, alone = leaves(load(name)), leaves(load(name.replace("cast_", f"cast_{expert}_")))
    differing = {key for key in both if both[key] != alone[key]}
    assert differing == {"name", "model.experts"} and alone["model.experts"] == expert


def test_evaluations_come_every_few_epochs():
    config = load("cast_epic")
    assert config.train.eval_every == 5 * (cast_variants.EPIC_CLIPS // config.train.batch_size)
