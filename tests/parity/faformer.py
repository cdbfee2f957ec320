"""Compares FAFormer with outputs, losses and gradients of the repaired published code."""

import dataclasses
import functools
import json

import jax
import numpy as np

from fact_jax.layers.projected import Projected
from fact_jax.models.fact.classes import PlainClasses
from fact_jax.models.fact.network import Fact, compose
from fact_jax.models.fact.objective import class_weights, ground_truth_of
from fact_jax.models.weights import state_dict
from fact_jax.ops import matching, pooling
from tests.parity.fact import Fixture, Reader, published_outputs
from tests.parity.report import Row, compare, identical

# Relative to the largest entry of a quantity: what rounding does to an entry goes by the numbers that
# were added up for it. (The files' own entries are off by up to 1.3 times the elementwise bound, against float64.)
OUTPUT = {"atol": 1e-5, "rtol": 1e-4}
GRADIENT = {"atol": 1e-5, "rtol": 1e-3}
TERM_NAMES = {"segment": "seg", "token": "action_token"}
WHOLE_NUMBERS = ("tdu_seg_label", "tdu_seg_lens", "tdu_seg_center")
# Where the file holds what the network gives when positions are not added.
WITHOUT_POSITIONS = "noop_pos/"


def check(npz):
    """Checks a loaded fixture; returns a list of rows."""
    npz = Reader(npz)
    settings = json.loads(str(npz["config"]))
    classes = PlainClasses(settings["n_classes"])
    fixture = Fixture(npz, settings["cfg"], classes, np.ravel(settings["bg_class"]).tolist(), features="input/seq")
    # One size for all numbers of segments: what is recorded may not differ in shape.
    config = dataclasses.replace(fixture.config, segment_buckets=())
    with jax.default_matmul_precision("highest"):
        rows = _check_gradients(fixture, config, settings["params_without_grad"])
        if any(name.startswith(WITHOUT_POSITIONS) for name in npz):
            config = dataclasses.replace(config, ignore_positions=True)
            loss, aux = jax.device_get(jax.jit(functools.partial(_forward, fixture, config))(fixture.params))
            rows += _check_forward(fixture, loss, aux, WITHOUT_POSITIONS)
    return rows + [Row(f"{name} (not compared)", np.inf, np.inf, False) for name in npz.unread()]


def _forward(fixture, config, params):
    """(loss, (outputs, block losses and terms, match, predicted labels, what the modules give))."""
    outputs, state = Fact(config).apply(
        {"params": params},
        *fixture.inputs,
        mutable="intermediates",
        capture_intermediates=lambda module, method: method in ("__call__", "_merge"),
    )
    loss, aux = fixture.evaluate(outputs)
    return loss, (*aux, state["intermediates"])


def _check_gradients(fixture, config, without_gradient):
    """All that an evaluation and its gradient give, with weights as they are and, if there are any, composed."""
    forms = {"": lambda params: params, " (composed)": lambda params: compose(config, params)}
    shapes = jax.eval_shape(forms[" (composed)"], fixture.params)
    if jax.tree.structure(shapes) == jax.tree.structure(fixture.params):
        del forms[" (composed)"]
    rows = []
    for suffix, form in forms.items():
        forward = functools.partial(_composed_forward, fixture, config, form)
        found = _check_step(fixture, forward, without_gradient)
        rows += [row._replace(name=row.name + suffix) for row in found]
    return rows


def _composed_forward(fixture, config, form, params):
    return _forward(fixture, config, form(params))


def _check_step(fixture, forward, without_gradient):
    (loss, aux), gradients = jax.device_get(jax.jit(jax.value_and_grad(forward, has_aux=True))(fixture.params))
    rows = _check_forward(fixture, loss, aux) + _check_match(fixture, aux)
    if not any(name.startswith("grad/") for name in fixture.npz):
        return rows
    for name, gradient in sorted(state_dict.to_torch(fixture.links, gradients).items()):
        # The published code gives no gradient to what has no part in the loss.
        none = name in without_gradient
        wanted = np.zeros_like(gradient) if none else fixture.npz[f"grad/{name}"]
        rows.append(relative_to_largest(f"grad/{name}", gradient, wanted, **GRADIENT))
    return rows


def relative_to_largest(name, found, wanted, *, atol, rtol):
    """As `compare`, with `rtol` relative to the largest entry."""
    return compare(name, found, wanted, atol=atol + rtol * float(np.max(np.abs(wanted), initial=0.0)))


def _check_forward(fixture, loss, aux, prefix=""):
    """Outputs, inner values and losses, of those that the file has."""
    outputs, blocks, _, labels, recorded = aux
    values = {"out/pred": labels[0], "loss/total": loss} | _inner_values(fixture, outputs, recorded)
    for index, output in enumerate(outputs):
        for name, value in published_outputs(fixture.classes, output).items():
            values[f"out/block{index}/{name}"] = value
        block_loss, terms = blocks[index]
        values[f"loss/block{index}/total"] = block_loss[0]
        values |= {f"loss/block{index}/{TERM_NAMES.get(name, name)}": value[0] for name, value in terms.items()}
    rows = []
    for name, value in values.items():
        if (key := prefix + name) in fixture.npz:
            exact = name == "out/pred" or name.rpartition("/")[2] in WHOLE_NUMBERS
            wanted = fixture.npz[key]
            rows.append(identical(key, value, wanted) if exact else relative_to_largest(key, value, wanted, **OUTPUT))
    return rows


def _check_match(fixture, aux):
    """The matching, and what it is computed from."""
    outputs, match = aux[0], aux[2]
    weights, segments, overlap = _matched_by(fixture, outputs[-1].a2f_attention[0])
    whole = {
        "token_idx": match.tokens[0][match.mask[0]],
        "seg_idx": match.segments[0][match.mask[0]],
        "transcript": fixture.transcript[0],
        "seg_label": segments,
    }
    others = {"cweight": weights, "sweight": weights[fixture.transcript[0]], "a2f_soft_iou": overlap}
    keys = {name: f"match/{name}" for name in (*whole, *others) if f"match/{name}" in fixture.npz}
    return [
        identical(key, whole[name], fixture.npz[key])
        if name in whole
        else relative_to_largest(key, others[name], fixture.npz[key], **OUTPUT)
        for name, key in keys.items()
    ]


def _matched_by(fixture, attention):
    """(weights of classes, segment of every frame, overlap of attention [frames, tokens] with the segments)."""

    @jax.jit
    def compute(labels, mask, attention):
        truth = ground_truth_of(labels, mask, fixture.transcript, fixture.segment_mask)
        weights = class_weights(fixture.loss_config, fixture.classes.num_classes)
        overlap = matching.attention_iou(attention, truth.onehot[0])
        return weights, pooling.find_segments(labels, mask).index[0], overlap

    return jax.device_get(compute(fixture.labels, fixture.mask, attention))


def _inner_values(fixture, outputs, recorded):
    """Name in the file -> array, of what the modules inside the blocks give."""
    # Where it pays the network multiplies this map into the next one.
    projection = Projected(fixture.inputs[0], **fixture.params["input_projection"])
    values = {"out/input_proj": projection.value("float32")[0]}
    for index, letter in enumerate(fixture.config.blocks):
        block, own = recorded[f"block_{index}"], {}
        own |= _frame_branch_values(block["frame_branch"])
        inner = block["segment_update"] if letter == "U" else block
        own["action_branch"] = inner["action_branch"]["__call__"][0][0]
        if letter != "i":
            own |= _exchange_values(inner, outputs[index])
        if letter == "U":
            own |= _segment_values(inner, outputs[index], outputs[index - 1], fixture.mask)
            own["sf_merge"] = np.maximum(block["_merge"][0][0], 0.0)
        values |= {f"out/block{index}/{name}": value for name, value in own.items()}
    return values


def _frame_branch_values(branch):
    values = {"frame_branch": branch["__call__"][0].value[0]}
    for name, layer in branch.items():
        if name.startswith("layer_"):
            key = name.replace("layer_", "enc_layer")
            values |= {
                key: layer["__call__"][0][0],
                f"{key}_ff": np.maximum(layer["dilated"]["__call__"][0][0], 0.0),
                f"{key}_inorm": layer["norm"]["__call__"][0][0],
                f"{key}_att": layer["attention"]["__call__"][0][0],
            }
    return values


def _exchange_values(inner, output):
    """Of the two cross-attentions; over segments, the attention is that of every frame's segment."""
    f2a, _, attention = (value[0] for value in inner["f2a"]["__call__"][0])
    a2f = inner["a2f"]["__call__"][0][0][0]
    if output.segments is not None:
        attention = attention[:, output.segments.segmentation.index[0]]
        a2f = a2f[: output.segments.segmentation.count[0]]
    return {"f2a_out": f2a, "f2a_attn": attention, "a2f_out": a2f}


def _segment_values(inner, output, before, mask):
    segmentation = output.segments.segmentation
    count = int(segmentation.count[0])
    lengths, centres, means = _pooled(before.frames.value, segmentation, mask, count)
    return {
        "tdu_seg_label": segmentation.index[0],
        "tdu_seg_lens": lengths[0],
        "tdu_seg_center": centres[0],
        "seg_update_in": means[0],
        "seg_update": inner["gru"]["__call__"][0][0, :count],
    }


@functools.partial(jax.jit, static_argnames="count")
def _pooled(frames, segmentation, mask, count):
    """(lengths, centres, means of the frames) of the first `count` segments."""
    return (
        pooling.segment_lengths(segmentation, mask, count),
        pooling.segment_centres(segmentation, mask, count),
        pooling.pool_mean(frames, segmentation, mask, count),
    )
