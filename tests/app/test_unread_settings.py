"""Which settings of a command line have no effect."""

import pytest

from configs import (
    actionformer_synthetic,
    carl_synthetic,
    cast_custom,
    cast_synthetic,
    fact_custom,
    fact_synthetic,
    mstcn_custom,
)
from fact_jax.app import config_flags, config_rules, kinds, unread_settings
from fact_jax.app.kinds.base import SET
from tests.overrides import override

SYNTHETIC = {
    "segmentation": fact_synthetic,
    "localization": actionformer_synthetic,
    "representation": carl_synthetic,
    "recognition": cast_synthetic,
}


def changed(config, **values):
    config = config.copy_and_resolve_references()
    with config.unlocked():
        override(config, values)
    return config


@pytest.mark.parametrize(
    "config, changes, key, expected",
    [
        (mstcn_custom, {}, "data.synthetic.num_classes", "config.data.reader is 'synthetic', and that is 'npy'"),
        (mstcn_custom, {}, "optimizer.momentum", "config.optimizer.name is 'sgd', and that is 'adam'"),
        (mstcn_custom, {}, "optimizer.milestones", "config.optimizer.schedule is 'multistep', and that is 'drop'"),
        (mstcn_custom, {"train__steps": 5}, "train.epochs", "config.train.steps is 0, and that is 5"),
        (mstcn_custom, {"eval__figures": False}, "eval.max_timelines", "config.eval.figures is set, and that is False"),
        (fact_custom, {}, "data.transcript_dir", "config.model.use_transcript is set, and that is False"),
        (fact_synthetic, {}, "data.dir", "config.data.reader is 'npy' or 'tfds', and that is 'synthetic'"),
        (
            actionformer_synthetic,
            {"detection__per_class": True},
            "detection.voting_threshold",
            "config.detection.per_class is False, and that is True",
        ),
        (
            actionformer_synthetic,
            {"detection__nms_method": "none"},
            "detection.voting_threshold",
            "config.detection.nms_method is 'gaussian' or 'linear' or 'hard', and that is 'none'",
        ),
        (carl_synthetic, {}, "loss.regularization", "config.loss.objective is 'tcn', and that is 'scl'"),
        (carl_synthetic, {}, "model.conv_dims", "config.model.embedder is 'conv', and that is 'transformer'"),
        (cast_synthetic, {}, "loss.mixup_alpha", "config.loss.mixup_probability is set, and that is 0.0"),
        (cast_custom, {}, "data.augmentation.single_crop", "config.data.sampling.test_crops is 1, and that is 3"),
    ],
)
def test_a_setting_that_nobody_reads_has_a_line(config, changes, key, expected):
    (line,) = unread_settings.lines(changed(config.get_config(), **changes), [key, "seed"])
    assert line == f"config.{key} has no effect: it is read where {expected}"


def test_a_setting_for_another_system_has_a_line():
    (line,) = unread_settings.lines(mstcn_custom.get_config(), ["data.transcript_dir", "seed"])
    assert line == "config.data.transcript_dir has no effect: mstcn has no config.model.use_transcript"


def test_a_setting_given_twice_and_a_warm_up_that_is_cut_off_have_a_line():
    config = changed(mstcn_custom.get_config(), optimizer__warmup_epochs=5, train__epochs=1)
    found = unread_settings.lines(config, ["seed", "train.epochs", "seed"])
    assert found == [
        "config.seed is given 2 times: the last one counts",
        "config.optimizer.warmup_epochs is 5 and config.train.epochs 1: training ends before the learning rate is "
        "reached",
    ]


def test_a_cosine_that_does_not_end_with_training_has_a_line():
    config = changed(cast_custom.get_config(), train__epochs=10)
    (line,) = unread_settings.lines(config, ["train.epochs"])
    assert line.startswith("config.train.epochs is 10, and the learning rate falls until epoch 50 all the same")
    assert not unread_settings.lines(config, ["train.epochs", "optimizer.cosine_epochs"])
    assert not unread_settings.lines(cast_custom.get_config(), ["train.epochs"])


@pytest.mark.parametrize("kind", kinds.KINDS[:4], ids=lambda kind: kind.name)
def test_rules_are_of_settings_that_exist(kind):
    keys = config_rules.leaves(SYNTHETIC[kind.name].get_config())
    choices = config_rules.CHOICES | dict(kind.choices(keys))
    # Frames of clips, which change with every use, have no prepared copy.
    common = [row for row in unread_settings.COMMON if row.values != ("tfds",) or kind.name != "recognition"]
    for row in (*common, *kind.reads):
        assert row.other in keys
        for key in row.keys:
            assert key in keys or (key.endswith(".") and any(name.startswith(key) for name in keys))
        if row.values is not SET and row.other in choices:
            assert set(row.values) < set(choices[row.other]) or row.other == "data.reader"


# Published configs state these where nothing reads them; one of CAST is for single experts as well.
AS_PUBLISHED = (
    "config.model.adapters",
    "config.detection.voting_threshold", "config.optimizer.cosine_epochs", "config.data.average_transcript_length",
    "config.loss.prob_cost",
)  # fmt: skip


def test_no_shipped_config_sets_what_it_does_not_read():
    """What a config has otherwise than its base is as if given on the command line."""
    files = [file for file in sorted(config_flags.CONFIG_FOLDER.glob("[!_]*_*.py"))]
    for file in files:
        config = config_flags.load(str(file))
        base = config_rules.leaves(kinds.of_system(config.model.name).base_config()("", config.model.to_dict()))
        own = [key for key, value in config_rules.leaves(config).items() if key in base and value != base[key]]
        found = [line for line in unread_settings.lines(config, own) if not line.startswith(AS_PUBLISHED)]
        assert (file.name, found) == (file.name, [])
    assert len(files) > 50
