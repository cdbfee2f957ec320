"""Compares FACT with outputs, losses, gradients and optimiser steps of the published code."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from fact_jax.layers.positions import sinusoidal_positions
from fact_jax.models.fact import published
from fact_jax.models.fact.classes import PlainClasses, VerbNounClasses
from fact_jax.models.fact.decode import decode
from fact_jax.models.fact.network import Fact, compose
from fact_jax.models.fact.objective import fact_loss, ground_truth_of
from fact_jax.models.weights import state_dict
from fact_jax.ops.segments import frames_to_segments
from fact_jax.training.optimizers import make_optimizer
from tests.parity import fact_settings
from tests.parity.report import Row, compare, identical

OUTPUT_ATOL = 2e-5
LOSS_RTOL = 1e-5
GRADIENT_ATOL, GRADIENT_RTOL = 2e-5, 1e-4
STEP_ATOL = 2e-6
# Below this gradient Adam turns round-off into steps of up to the learning rate.
SOLID_GRADIENT = 1e-4
TERM_NAMES = {"segment": "seg"}


class Reader(dict):
    """The arrays of a file; remembers which were compared, so that none is passed over in silence."""

    def __init__(self, arrays):
        super().__init__(arrays)
        self.read = set()

    def __getitem__(self, key):
        self.read.add(key)
        return super().__getitem__(key)

    def unread(self):
        """Names of the arrays that nobody looked at; positional buffers may be longer than the input needs."""
        buffers = {prefix + name for name in published.BUFFERS for prefix in ("buffer/", "param/")}
        return sorted(self.keys() - self.read - buffers)


class Fixture:
    """One file: the published configuration, parameters and input, and our model in that configuration.

    Args:
      npz: arrays of the file.
      published_settings: configuration tree.
      classes: of the dataset.
      background_ids: the classes that count as background.
      features: name of the input features among the arrays.
    """

    def __init__(self, npz, published_settings, classes, background_ids, features="input/feature"):
        self.npz, self.published, self.classes = npz, published_settings, classes
        self.config = fact_settings.model_config(self.published, self.classes)
        self.loss_config = fact_settings.loss_config(self.published, background_ids, self.classes)
        self.network = Fact(self.config)
        self.features = np.asarray(npz[features], np.float32)[None]
        self.labels = np.asarray(npz["input/label"], np.int32)[None]
        self.mask = np.ones(self.labels.shape, bool)
        self.transcript = frames_to_segments(self.labels[0])[0].astype(np.int32)[None]
        self.links = published.links(self.config)
        tensors = {name.removeprefix("param/"): npz[name] for name in npz if name.startswith("param/")}
        self.segment_mask = np.ones(self.transcript.shape, bool)
        self.tokens = (self.transcript, self.segment_mask) if self.config.use_transcript else (None, None)
        self.inputs = (self.features, self.mask, None, *self.tokens)
        shapes = jax.eval_shape(self.network.init, jax.random.key(0), *self.inputs)["params"]
        self.params = state_dict.to_flax(self.links, tensors, shapes, ignore=published.BUFFERS)

    def forward(self, params, composed=False):
        """What `evaluate` returns for the network's outputs.

        With `composed`, the network takes its weights in the form of evaluations and of steps of many frames.
        """
        params = compose(self.config, params) if composed else params
        return self.evaluate(self.network.apply({"params": params}, *self.inputs))

    def evaluate(self, outputs):
        """Returns (loss, (outputs, block losses and terms, match, predicted labels)) of the video."""
        ground_truth = ground_truth_of(self.labels, self.mask, self.transcript, self.segment_mask)
        token_mask = jnp.ones(outputs[-1].action_logits.shape[:2], bool)
        loss, blocks, match = fact_loss(self.loss_config, self.classes, outputs, ground_truth, token_mask)
        labels = decode(self.config, outputs[-1], *self.tokens)["labels"]
        return loss[0], (outputs, blocks, match, labels)

    def optimizer(self):
        """The published optimiser of the configuration."""
        settings = self.published
        return make_optimizer(
            ConfigDict(
                {
                    "name": settings["optimizer"].lower(),
                    "learning_rate": settings["lr"],
                    "momentum": settings["momentum"],
                    "weight_decay": settings["weight_decay"],
                    "clip_norm": settings["clip_grad_norm"],
                    "decay_epoch": -1,
                    "decay_factor": 0.1,
                    "ema_decay": 0.0,
                }
            ),
            steps_per_epoch=1,
        )


def _classes(npz, facts):
    if "input/verb_of_action" not in npz:
        return PlainClasses(facts["n_classes"])
    verbs, nouns = (tuple(npz[f"input/{part}_of_action"].tolist()) for part in ("verb", "noun"))
    return VerbNounClasses(*facts["n_classes"], verbs, nouns)


def check(npz):
    """Checks a loaded fixture; returns a list of rows."""
    npz = Reader(npz)
    settings = json.loads(str(npz["config"]))
    facts = settings["_fixture"]
    fixture = Fixture(npz, settings, _classes(npz, facts), facts["bg_ids"])
    optimizer = fixture.optimizer()

    @jax.jit
    def step(params, opt_state):
        (loss, aux), gradients = jax.value_and_grad(fixture.forward, has_aux=True)(params)
        updates, opt_state = optimizer.update(gradients, opt_state, params)
        return loss, aux, gradients, optax.apply_updates(params, updates), opt_state

    with jax.default_matmul_precision("highest"):
        params, opt_state = fixture.params, jax.jit(optimizer.init)(fixture.params)
        loss, aux, gradients, after, opt_state = jax.device_get(step(params, opt_state))
        rows = _check_positions(fixture) + _check_outputs(fixture, aux) + _check_losses(fixture, loss, aux)
        diverged = "loss/train_final" in npz and not np.isfinite(npz["loss/train_final"])
        has_gradients = any(name.startswith("grad/") for name in npz) and not diverged
        if has_gradients:
            rows += _check_step(fixture, gradients, after)
        rows += _check_composed(fixture, has_gradients)
        if "loss/trajectory" in npz and not diverged:
            trajectory = [loss]
            for _ in npz["loss/trajectory"][1:]:
                loss, _, _, after, opt_state = step(after, opt_state)
                trajectory.append(loss)
            rows.append(compare("loss/trajectory", trajectory, npz["loss/trajectory"], rtol=LOSS_RTOL))
    skipped = ("grad", "after_", "loss/trajectory") if diverged else ()
    return rows + [
        Row(f"{name} (not compared)", np.inf, np.inf, False) for name in npz.unread() if not name.startswith(skipped)
    ]


def _check_composed(fixture, has_gradients):
    """Outputs, losses and gradients with composed weights, where the network has any; they go by the same numbers."""
    shapes = jax.eval_shape(lambda params: compose(fixture.config, params), fixture.params)
    if jax.tree.structure(shapes) == jax.tree.structure(fixture.params):
        return []
    step = jax.jit(jax.value_and_grad(lambda params: fixture.forward(params, composed=True), has_aux=True))
    (loss, aux), gradients = jax.device_get(step(fixture.params))
    rows = _check_outputs(fixture, aux) + _check_losses(fixture, loss, aux)
    if has_gradients:
        rows += _check_gradients(fixture, state_dict.to_torch(fixture.links, gradients))
    return [row._replace(name=f"{row.name} (composed)") for row in rows]


def _check_positions(fixture):
    rows = []
    for name, used in (("frame_pe", fixture.config.frame_positions), ("action_pe", True)):
        key = f"buffer/{name}.pe"
        if key in fixture.npz:
            table = fixture.npz[key]
            ours = sinusoidal_positions(*table.shape) if used else np.zeros_like(table)
            rows.append(compare(key, ours, table, atol=OUTPUT_ATOL))
    return rows


def _check_outputs(fixture, aux):
    outputs, _, match, labels = aux
    rows = []
    for index, output in enumerate(outputs):
        for name, value in published_outputs(fixture.classes, output).items():
            key = f"out/block{index}/{name}"
            if key in fixture.npz:
                exact = name in ("seg_class", "seg_start", "seg_end")
                wanted = fixture.npz[key]
                rows.append(identical(key, value, wanted) if exact else compare(key, value, wanted, atol=OUTPUT_ATOL))
    valid = match.mask[0]
    rows.append(identical("match/action_ind", match.tokens[0][valid], fixture.npz["match/action_ind"]))
    rows.append(identical("match/seg_ind", match.segments[0][valid], fixture.npz["match/seg_ind"]))
    rows.append(identical("match/transcript", fixture.transcript[0], fixture.npz["match/transcript"]))
    rows.append(identical("out/pred", labels[0], fixture.npz["out/pred"]))
    return rows


def published_outputs(classes, output):
    """Name in the fixtures -> array, of the output of a block for one video."""
    named = {
        "frame_feature": output.frames.value[0],
        "action_feature": output.action_features[0],
        "frame_clogit": output.frame_logits[0],
        "action_clogit": output.action_logits[0],
    }
    named |= dict(zip(("frame_logp", "action_logp", "seg_logp"), _log_probs(classes, output), strict=True))
    if output.segments is not None:
        count = int(output.segments.segmentation.count[0])
        labels, starts, ends = frames_to_segments(output.segments.classes[0])
        named |= {"seg_class": labels, "seg_start": starts, "seg_end": ends - 1}
        named["seg_clogit"], named["seg_logp"] = output.segments.logits[0, :count], named["seg_logp"][:count]
    else:
        del named["seg_logp"]
    if output.f2a_logits is None:
        return named
    if output.segments is None:
        count = output.f2a_logits.shape[-1]
    named["f2a_attn_logit"] = output.f2a_logits[0, :, :count]
    named["a2f_attn_logit"] = output.a2f_logits[0, :count]
    named["a2f_attn"] = output.a2f_attention[0]
    return named


@functools.partial(jax.jit, static_argnums=0)
def _log_probs(classes, output):
    """Of frames, of tokens and, or None, of segments."""
    segments = None if output.segments is None else classes.log_probs(output.segments.logits[0])
    return classes.log_probs(output.frame_logits[0]), classes.token_log_probs(output.action_logits[0]), segments


def _check_losses(fixture, loss, aux):
    _, blocks, _, _ = aux
    rows = []
    for index, (block_loss, terms) in enumerate(blocks):
        values = {f"loss/block{index}": block_loss[0]}
        values |= {f"loss/block{index}/{TERM_NAMES.get(k, k)}_raw": value[0] for k, value in terms.items()}
        rows += [_compare_loss(fixture, key, values[key]) for key in values if key in fixture.npz]
    for key in ("loss/final", "loss/train_final"):
        if key in fixture.npz:
            rows.append(_compare_loss(fixture, key, loss))
    return rows


def _compare_loss(fixture, key, value):
    """One loss; where the published code averages over no pair of frames and gives NaN, ours has to be finite."""
    wanted = fixture.npz[key]
    if fixture.labels.shape[1] == 1 and np.isnan(wanted):
        return Row(f"{key} (published: NaN)", 0.0, 0.0, bool(np.isfinite(value)))
    return compare(key, value, wanted, rtol=LOSS_RTOL)


def _check_gradients(fixture, ours):
    return [
        compare(f"grad/{name}", gradient, fixture.npz[f"grad/{name}"], atol=GRADIENT_ATOL, rtol=GRADIENT_RTOL)
        for name, gradient in sorted(ours.items())
    ]


def _check_step(fixture, gradients, after):
    npz = fixture.npz
    ours, moved = state_dict.to_torch(fixture.links, gradients), state_dict.to_torch(fixture.links, after)
    learning_rate = fixture.published["lr"]
    rows = _check_gradients(fixture, ours)
    if "grad_norm" in npz:
        rows.append(compare("grad_norm", jax.jit(optax.tree.norm)(gradients), npz["grad_norm"], rtol=LOSS_RTOL))
    group = f"after_{fixture.published['optimizer'].lower()}"
    if not any(name.startswith(f"{group}/") for name in npz):
        group = "after_adam"  # the only name that some fixtures have
    for name, value in sorted(moved.items()):
        key = f"{group}/{name}"
        if key in npz:
            solid = np.abs(npz[f"grad/{name}"]) > SOLID_GRADIENT
            rows.append(compare(key, value[solid], npz[key][solid], atol=STEP_ATOL))
            if not solid.all():
                rest = compare(
                    f"{key} (|grad| <= {SOLID_GRADIENT})",
                    value[~solid],
                    npz[key][~solid],
                    atol=2 * learning_rate + STEP_ATOL,
                )
                rows.append(rest)
    return rows
