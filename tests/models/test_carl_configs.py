"""CARL's configs hold the settings of the published YAML files, and their networks have the published sizes."""

import functools
import importlib
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from configs._base import carl_variants
from fact_jax.models.carl.network import CARL, initial_variables, trained
from fact_jax.tasks.representation import systems

NAMES = (
    "pouring", "penn_action", "finegym", "k400", "conv_pouring", "conv_penn_action", "conv_finegym", "tcc_pouring",
    "tcc_penn_action", "tcc_finegym", "tcc_transformer_pouring", "tcn_pouring", "cls_pouring", "cls_finegym",
)  # fmt: skip
ALL4 = ("classification", "progress", "tau", "retrieval")
PROBE, THIRDS, WHOLE = ("linear_probe",), (0.1, 0.5, 1.0), (1.0,)
VIDEOS = {
    "pouring": carl_variants.POURING_VIDEOS,
    "penn_action": carl_variants.PENN_ACTION_VIDEOS,
    "finegym": carl_variants.FINEGYM_VIDEOS,
    "kinetics": carl_variants.KINETICS_VIDEOS,
}


def row(text):
    """A row of the published table; - where a key is absent or means nothing."""
    return tuple(None if word == "-" else {"T": True, "F": False}.get(word, word) for word in text.split())


def numbers(text):
    return tuple(None if word == "-" else float(word) for word in text.split())


# Dotted key -> one value for each of NAMES, in the order of the columns of the published files.
PUBLISHED = {
    "data.layout": row("pouring penn_action finegym kinetics pouring penn_action finegym pouring penn_action finegym"
                       " pouring pouring pouring finegym"),
    "data.clip.consistent_offset": numbers("0.2 0.2 0.2 1 - - - 0 0 0 0 0 0 0"),
    "data.clip.context_stride": numbers("1 1 1 1 15 15 15 15 15 15 1 15 1 1"),
    "data.clip.num_contexts": numbers("1 1 1 1 2 2 2 2 2 2 1 2 1 1"),
    "data.clip.sampling_region": numbers("1.5 1.5 1.5 1.5 0 0 0 0 0 0 1.5 0 1.5 1.5"),
    "data.clip.strategy": tuple("time_augment" if region else "offset_uniform" for region in (1, 1, 1, 1, 0, 0, 0,
                                                                                             0, 0, 0, 1, 0, 1, 1)),
    "data.clip.num_frames": numbers("240 80 240 80 40 20 40 40 20 40 240 40 240 240"),
    "data.clip.positives": row("F F F F F F F F F F F T F F"),
    "data.clip.local_block": row("F F T F F F T F F T F F F T"),
    "data.augmentation.self_supervised": row("T T T T T T T F F F F F F F"),
    "data.augmentation.random_crop": row("T T T T T T T F F F F F F F"),
    "data.augmentation.evaluation_crop": row("center " * 7 + "whole " * 7),
    "data.augmentation.blur": row("T T F T T T F T T F T T T F"),
    "data.augmentation.flip": row("T " * 14),
    "data.augmentation.strength": numbers("1 " * 14),
    "data.augmentation.size": numbers("224 " * 14),
    "eval.fractions": (THIRDS, WHOLE, THIRDS, WHOLE, *[THIRDS] * 8, WHOLE, WHOLE),
    "eval.frames_per_chunk": numbers("1000 1000 6000 1000 25 25 100 25 25 100 1000 25 1000 6000"),
    "eval.frame_stride": numbers("1 " * 14),
    "eval.stride": numbers("5 2 5 2 5 2 5 5 2 5 5 5 5 5"),
    "eval.tasks": (ALL4, ALL4, PROBE, ALL4, ALL4, ALL4, PROBE, ALL4, ALL4, PROBE, ALL4, ALL4, ALL4, PROBE),
    "eval.probe.learning_rate": numbers("- - 50 - - - 50 - - 50 - - - 0.1"),
    "eval.probe.epochs": numbers("- - 100 - - - 100 - - 100 - - - 100"),
    "eval.retrieval_sizes": ((5, 10, 15),) * 14,
    "data.num_classes": numbers("- - 99 - - - 99 - - 99 - - - 99"),
    "train.log_every": numbers("20 20 20 2000 20 20 20 20 80 20 20 20 20 20"),
    "train.batch_size": numbers("1 1 1 2 1 2 1 2 4 2 2 2 2 2"),
    "train.epochs": numbers("500 300 300 10 500 300 100 500 300 300 500 500 500 100"),
    "model.chunk_frames": numbers("40 40 40 40 - - - - - - 40 - 40 40"),
    "model.num_layers": numbers("2 3 3 2 - - - - - - 2 - 2 3"),
    "model.embedder": row("transformer " * 4 + "conv " * 6 + "transformer conv transformer transformer"),
    "model.l2_normalize": row("T T T T T T T F F T F T F F"),
    "model.projection_dim": numbers("128 128 128 128 128 128 128 0 0 0 0 0 0 0"),
    "model.train_backbone": row("frozen " * 4 + "all " * 6 + "frozen all frozen frozen"),
    "model.backbone_stages": numbers("3 " * 14),
    "model.fc_dims": ((512, 512),) * 14,
    "model.conv_dims": ((512, 512),) * 14,
    "model.embedding_dim": numbers("128 " * 14),
    "model.hidden_dim": numbers("256 " * 14),
    "model.ff_dim": numbers("1024 " * 14),
    "model.num_heads": numbers("8 " * 14),
    "model.dropout_rate": numbers("0.1 " * 14),
    "optimizer.name": row("adam " * 14),
    "optimizer.learning_rate": numbers("1e-4 " * 14),
    "optimizer.weight_decay": numbers("1e-5 " * 14),
    "optimizer.clip_norm": numbers("10 " * 14),
    "optimizer.warmup_epochs": numbers("0 " * 14),  # no DECAY_TYPE is cosinewarmup, so NUM_WARMUP_STEPS is not read
    "loss.objective": row("scl " * 7 + "tcc " * 4 + "tcn classification classification"),
    "loss.negatives": row("single_noself " * 3 + "batch_noself " + "single_noself " * 3 + "- " * 7),
    "loss.positives": row("gauss " * 7 + "- " * 7),
    "loss.label_variance": numbers("10 " * 7 + "- " * 7),
    "loss.temperature": numbers("0.1 " * 7 + "- " * 7),
    "loss.cycle": row("- " * 7 + "regression_mse_var " * 4 + "- - -"),
    "loss.similarity": row("- " * 7 + "l2 " * 4 + "- - -"),
    "loss.cycle_temperature": numbers("- " * 7 + "0.1 " * 4 + "- - -"),
    "loss.label_smoothing": numbers("- " * 7 + "0.1 " * 4 + "- - -"),
    "loss.variance_weight": numbers("- " * 7 + "0.001 " * 4 + "- - -"),
    "loss.normalize_steps": row("- " * 7 + "T " * 4 + "- - -"),
    "loss.regularization": numbers("- " * 11 + "0.002 - -"),
}  # fmt: skip
# Epochs between evaluations, and the fall of the learning rate.
EVERY = (50, 50, 50, 2, *[50] * 10)
FIXED = [name == "tcn_pouring" or name.startswith("tcc_") and "transformer" not in name for name in NAMES]


@functools.cache
def load(name):
    return importlib.import_module(f"configs.carl_{name}").get_config()


@pytest.mark.parametrize("key", PUBLISHED)
def test_published_values(key):
    group, _, name = key.rpartition(".")
    found = [load(config)[group][name] for config in NAMES]
    assert [None if value is None else there for there, value in zip(found, PUBLISHED[key], strict=True)] == [
        *PUBLISHED[key]
    ]


@pytest.mark.parametrize(("name", "every", "fixed"), list(zip(NAMES, EVERY, FIXED, strict=True)))
def test_epochs_evaluations_and_the_learning_rate(name, every, fixed):
    config = load(name)
    train, optimizer = config.train, config.optimizer
    assert train.eval_every == every * (VIDEOS[config.data.layout] // train.batch_size)
    if fixed:
        assert (optimizer.schedule, optimizer.decay_epoch) == ("drop", -1)
    else:
        assert (optimizer.schedule, optimizer.cosine_epochs) == ("cosine", train.epochs + 1)
        assert optimizer.per_epoch and optimizer.lowest_rate == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_settings_agree(name):
    systems.check_settings(load(name))


def test_kinetics_is_evaluated_on_penn_action():
    data = load("k400").data
    assert (data.evaluation_layout, data.groups) == ("penn_action", ("baseball_pitch",))


@functools.cache
def shapes(name):
    """(CARLConfig of a config with 5 phases, shapes of its variables)."""
    model = systems.network_config(load(name), 5)
    frames = jax.ShapeDtypeStruct((1, model.num_contexts, 224, 224, 3), np.float32)
    return model, jax.eval_shape(lambda key: initial_variables(model, key, frames), jax.random.key(0))


def part(path):
    """The published name of the part that a parameter is of."""
    top, _, rest = path.partition("/")
    if top == "resnet":
        return "res_finetune" if rest.startswith("stages_3") else "backbone"
    if top != "embedder":
        return top
    module = rest.partition("/")[0]
    names = {"input": "video_emb", "output": "embedding_layer"} | dict.fromkeys(("fc_0", "fc_1"), "fc_layers")
    return (names | dict.fromkeys(("norm_0", "norm_1"), "fc_layers")).get(module, module)


FRAMES_PER_CLIP = {"pouring": 240, "penn_action": 80}
TRUNK = {"backbone": 8_543_296, "res_finetune": 14_964_736}
TRANSFORMER = {"fc_layers": 1_313_792, "video_emb": 131_328, "embedding_layer": 32_896}
LAYER, HEAD, CLASSIFIER = 789_760, {"head": 33_280}, {"classifier": 5 * 129}


@pytest.mark.parametrize(
    "name", ["pouring", *(pytest.param(name, marks=pytest.mark.slow) for name in ("penn_action", "cls_pouring"))]
)
def test_sizes_with_transformer(name):
    model, found = shapes(name)
    layers = load(name).model.num_layers
    expected = TRUNK | TRANSFORMER | {f"layer_{index}": LAYER for index in range(layers)}
    expected |= (HEAD if model.projection_dim else {}) | (CLASSIFIER if model.num_classes else {})
    sizes, moved = count(model, found["params"])
    assert sizes == expected
    assert moved == sum(expected.values()) - TRUNK["backbone"]
    if name in FRAMES_PER_CLIP:
        totals = {2: (26_598_848, 18_055_552), 3: (27_388_608, 18_845_312)}
        assert (sum(sizes.values()), moved) == totals[layers]


@pytest.mark.parametrize("name", ["conv_pouring", pytest.param("tcn_pouring", marks=pytest.mark.slow)])
def test_sizes_without_transformer(name):
    model, found = shapes(name)
    sizes, moved = count(model, found["params"])
    embedder = sum(size for name, size in sizes.items() if name not in {*TRUNK, "head"})
    head = HEAD["head"] if name == "conv_pouring" else 0
    assert (sizes["backbone"], sizes["res_finetune"]) == tuple(TRUNK.values())
    assert (embedder, sizes.get("head", 0)) == (21_827_712, head)
    assert sum(sizes.values()) == 45_369_024 - HEAD["head"] + head
    # The last stage is there, and nothing reads it.
    assert moved == sum(sizes.values()) - TRUNK["res_finetune"]


def count(model, params):
    """({part: its parameters}, how many of all parameters are trained)."""
    scales, sizes, moved = flatten_dict(trained(model, params), sep="/"), {}, 0
    for path, leaf in flatten_dict(params, sep="/").items():
        sizes[part(path)] = sizes.get(part(path), 0) + math.prod(leaf.shape)
        moved += math.prod(leaf.shape) * (scales[path] > 0)
    return sizes, moved


def products(jaxpr):
    """Multiply-adds of the matrix products and convolutions of a program."""
    total = 0
    for equation in jaxpr.eqns:
        out = equation.outvars[0].aval
        if equation.primitive.name == "dot_general":
            (left, _), _ = equation.params["dimension_numbers"]
            total += out.size * math.prod(equation.invars[0].aval.shape[axis] for axis in left)
        elif equation.primitive.name == "conv_general_dilated":
            shape = equation.invars[1].aval.shape
            total += out.size * math.prod(shape) // shape[equation.params["dimension_numbers"].rhs_spec[0]]
        assert equation.primitive.name not in ("while", "cond"), "how often it runs is not known"
        inner = [value for value in equation.params.values() if hasattr(value, "eqns") or hasattr(value, "jaxpr")]
        times = equation.params["length"] if equation.primitive.name == "scan" else 1
        total += times * sum(products(getattr(value, "jaxpr", value)) for value in inner)
    return total


def multiply_adds(name, run, *shape):
    model, variables = shapes(name)
    network = CARL(model)
    inputs = jax.ShapeDtypeStruct(shape, jnp.float32)
    closed = jax.make_jaxpr(lambda variables, x: network.apply(variables, x, method=run))(variables, inputs)
    return products(closed.jaxpr)


def test_multiply_adds_of_the_trunk():
    """Per frame of 224 x 224 pixels; the trunk as it is trained, whose products are those of the frozen one."""
    trunk = multiply_adds("pouring", lambda net, x: net.resnet(x, 3, None), 1, 1, 224, 224, 3)
    last = multiply_adds("pouring", lambda net, x: net.resnet.continued(x, 3, 4, None), 1, 1, 14, 14, 1024)
    assert (round(trunk / 1e9, 3), round(last / 1e9, 3)) == (3.278, 0.809)


@pytest.mark.parametrize(("steps", "millions"), [(80, 3.13), (240, 3.29)])
def test_multiply_adds_of_the_embedder(steps, millions):
    found = multiply_adds("pouring", lambda net, x: net.embedded(x), 1, steps, 7, 7, 2048)
    assert round(found / steps / 1e6, 2) == millions
