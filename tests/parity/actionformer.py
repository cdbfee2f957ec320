"""Compares ActionFormer with outputs, losses, gradients and optimiser steps of the published code."""

import dataclasses
import json
from unittest import mock

import jax
import numpy as np
from ml_collections import ConfigDict
from scipy.optimize import linear_sum_assignment

from fact_jax.models.actionformer import published
from fact_jax.models.actionformer.objective import loss_sums, points_of
from fact_jax.models.weights import state_dict
from fact_jax.ops.points import assign
from fact_jax.runtime import devices as device_layout
from fact_jax.tasks.localization import actionformer
from fact_jax.tasks.localization.actionformer import ActionFormerTask
from fact_jax.training import optimizers, steps
from fact_jax.training import state as train_states
from fact_jax.types import Batch
from tests.parity import actionformer_settings, detections
from tests.parity.fact import Reader
from tests.parity.report import Row, compare, identical

FORWARD_ATOL = 2e-5
LOSS_RTOL = 1e-5
GRADIENT_RTOL = 1e-4  # of the largest entry
TRAJECTORY_RTOL = 1e-3  # of the largest change
GRADIENT_ROUNDING = 1.2e-6  # by which float32 gradients of the published code differ from float64 ones
ROUNDING = 2.0**-24  # of a float32, relative
# Their gradients are zero but for rounding, which Adam turns into steps.
INERT = (".attn.key.bias", ".attn.key_norm.bias")


class Fixture:
    """One file: the published configuration and parameters, and our task in that configuration."""

    def __init__(self, npz):
        self.npz = npz
        settings = json.loads(str(npz["config"]))
        self.settings = settings
        self.model = actionformer_settings.model_config(settings["model"])
        self.task = ActionFormerTask(
            self.model,
            actionformer_settings.loss_config(settings["train_cfg"]),
            actionformer_settings.candidate_config(settings["test_cfg"]),
        )
        self.links = published.links(self.model)
        width = sum(np.ravel(settings["model"]["input_dim"]).tolist())
        example = {"features": jax.ShapeDtypeStruct((1, self.model.max_frames, width), np.float32)}
        variables = jax.eval_shape(lambda key: self.task.init(key, example), jax.random.key(0))
        tensors = {name.removeprefix("param/"): npz[name] for name in npz if name.startswith("param/")}
        self.params = state_dict.to_flax(self.links, tensors, variables["params"])

    def split(self, points, num_frames):
        """[..., P, ...] with the points of all levels on the first axis -> one array per level."""
        return np.split(points, np.cumsum(self.model.level_lengths(num_frames))[:-1])


def check(npz):
    """Checks a loaded fixture; returns a list of rows."""
    npz = Reader(npz)
    fixture = Fixture(npz)
    with jax.default_matmul_precision("highest"):
        batch = _training_batch(npz, fixture.model)
        rows = _check_points(fixture) + _check_targets(fixture, batch) + _check_training(fixture, batch)
        for name in _videos(npz, "eval"):
            rows += _check_evaluation(fixture, name)
        if any(name.startswith("traj/") for name in npz):
            rows += _check_trajectory(fixture, batch)
    rows = [Row(*row) for row in rows + detections.check(npz)]
    return rows + [Row(f"{name} (not compared)", np.inf, np.inf, False) for name in npz.unread()]


def _videos(npz, kind):
    """Names such as train0, train1 of the videos in the file."""
    count = sum(name.startswith(f"input/{kind}") and name.endswith("/feats") for name in npz)
    return [f"{kind}{index}" for index in range(count)]


def _padded(features, length):
    """(features [1, length, D], mask [1, length]) of published features (D, T)."""
    features = np.asarray(features, np.float32).T
    mask = np.arange(length) < len(features)
    return np.pad(features, ((0, length - len(features)), (0, 0)))[None], mask[None]


def _training_batch(npz, model):
    """The training videos of the file as one batch, its instances padded to the most of a video, and one more."""
    names = _videos(npz, "train")
    padded = [_padded(npz[f"input/{name}/feats"], model.max_frames) for name in names]
    segments = [npz[f"input/{name}/segments"] for name in names]
    labels = [npz[f"input/{name}/labels"] for name in names]
    count = max(map(len, segments)) + 1
    return {
        "features": np.concatenate([features for features, _ in padded]),
        "mask": np.concatenate([mask for _, mask in padded]),
        "segments": np.stack([np.pad(each, ((0, count - len(each)), (0, 0))) for each in segments]).astype(np.float32),
        "segment_labels": np.stack([np.pad(each, (0, count - len(each))) for each in labels]).astype(np.int32),
        "segment_mask": np.stack([np.arange(count) < len(each) for each in segments]),
        "video_mask": np.ones(len(names), bool),
        "row": np.arange(len(names), dtype=np.int32),
    }


def _check_points(fixture):
    points = points_of(fixture.model, fixture.model.max_frames)
    rows = []
    for level, ours in enumerate(fixture.split(np.stack(points, axis=-1), fixture.model.max_frames)):
        rows.append(identical(f"points/{level}", ours, fixture.npz[f"points/{level}"]))
    return rows


def _check_targets(fixture, batch):
    npz, model = fixture.npz, fixture.model
    targets = assign(
        points_of(model, model.max_frames),
        batch["segments"],
        batch["segment_labels"],
        batch["segment_mask"],
        model.num_classes,
        radius=fixture.task.loss_config.center_radius,
    )
    some = np.asarray(targets.classes).sum(-1) > 0
    valid = np.concatenate([batch["mask"][:, ::stride] for stride in model.strides], axis=1)
    return [
        identical("input/batch_mask", batch["mask"], npz["input/batch_mask"].reshape(batch["mask"].shape)),
        identical("target/cls", targets.classes, npz["target/cls"]),
        identical("target/pos_mask", some & valid, npz["target/pos_mask"]),
        compare(
            "target/offsets_pos",
            np.where(some[..., None], targets.offsets, 0.0),
            npz["target/offsets_pos"],
            atol=FORWARD_ATOL,
        ),
    ]


def _check_training(fixture, batch):
    """Forward pass, losses and gradients on the training videos, without dropout."""
    npz, task, seen = fixture.npz, _without_dropout(fixture.task), []

    def sums(model, config, outputs, batch):
        seen.append(outputs)
        return loss_sums(model, config, outputs, batch)

    def compute(params, state, batch):
        def loss(params):
            with mock.patch.object(actionformer, "loss_sums", sums):
                output = task.loss(params, state, batch, jax.random.key(0))
            (total, share), terms = output.terms["loss"], output.terms
            return total / share, (terms, output.state, seen.pop())

        return jax.grad(loss, has_aux=True)(params)

    devices = jax.local_devices()[:1]
    given = device_layout.replicate((fixture.params, task.first_state(), batch), devices)
    gradients, (terms, state, outputs) = device_layout.unreplicate(device_layout.parallel(compute, devices)(*given))
    rows = _check_forward(fixture, outputs)
    values = {name: total / share for name, (total, share) in terms.items()}
    before = fixture.task.loss_config.first_normalizer
    rows += [
        compare("loss/normalizer_before", before, npz["loss/normalizer_before"], rtol=LOSS_RTOL),
        compare("loss/normalizer_after", state["normalizer"]["value"], npz["loss/normalizer_after"], rtol=LOSS_RTOL),
        identical("loss/num_pos", terms["positives"][0], npz["loss/num_pos"]),
    ]
    for ours, theirs in (("loss_classification", "cls"), ("loss_regression", "reg"), ("loss", "final")):
        rows.append(compare(f"loss/{theirs}", values[ours], npz[f"loss/{theirs}"], rtol=LOSS_RTOL))
    norm = np.sqrt(sum(np.sum(np.square(leaf, dtype=np.float64)) for leaf in jax.tree.leaves(gradients)))
    rows.append(compare("loss/grad_global_norm", norm, npz["loss/grad_global_norm"], rtol=GRADIENT_RTOL))
    return rows + [
        _near(f"grad/{name}", ours, npz[f"grad/{name}"], GRADIENT_RTOL, 1e-6)
        for name, ours in state_dict.to_torch(fixture.links, gradients).items()
    ]


def _near(name, found, wanted, rtol, atol=0.0):
    """Compares relative to the largest entry, as rounding goes by the numbers that were added up."""
    return compare(name, found, wanted, atol=atol + rtol * float(np.max(np.abs(wanted), initial=0.0)))


def _without_dropout(task):
    """The task whose layers leave out nothing, as in the fixtures; the scales of the paths are there all the same."""

    class Quiet(ActionFormerTask):
        def dropout_rng(self, rng, batch):
            return None

    return Quiet(task.model, task.loss_config, task.candidate_config)


def _check_forward(fixture, outputs):
    npz, model, rows = fixture.npz, fixture.model, []
    for level, x in enumerate(outputs.backbone):
        rows.append(_compare_features(npz, f"train/backbone_{level}", x))
    for level, x in enumerate(outputs.neck):
        rows.append(_compare_features(npz, f"train/fpn_{level}", x))
    parts = {"cls_logits": outputs.logits, "offsets": outputs.offsets, "mask": outputs.mask}
    for name, values in parts.items():
        for level, ours in enumerate(fixture.split(np.swapaxes(values, 0, 1), model.max_frames)):
            key = f"train/{name}_{level}"
            rows.append(compare(key, np.swapaxes(ours, 0, 1), npz[key], atol=FORWARD_ATOL))
    return rows


def _compare_features(npz, key, ours):
    return compare(key, np.swapaxes(ours, 1, 2), npz[key], atol=FORWARD_ATOL)


def _check_evaluation(fixture, name):
    """Outputs and candidates of one evaluated video."""
    npz, seen = fixture.npz, []

    class Watched(ActionFormerTask):
        def outputs(self, params, batch):
            seen.append(super().outputs(params, batch))
            return seen[-1]

    task = Watched(fixture.task.model, fixture.task.loss_config, fixture.task.candidate_config)
    features = npz[f"input/{name}/feats"]
    length = fixture.model.padded_length(features.shape[1])
    features, mask = _padded(features, length)
    batch = {"features": features, "mask": mask}
    compute = jax.jit(lambda params, batch: (task.predict(params, {}, batch), seen.pop()))
    found, outputs = jax.device_get(compute(fixture.params, batch))
    rows = []
    for part, values in (("cls_logits", outputs.logits), ("offsets", outputs.offsets), ("mask", outputs.mask)):
        for level, ours in enumerate(fixture.split(values[0], length)):
            rows.append(compare(f"{name}/{part}_{level}", ours, npz[f"{name}/{part}_{level}"], atol=FORWARD_ATOL))
    return rows + _check_candidates(fixture, name, found)


def _check_candidates(fixture, name, found):
    """Candidates one to one, whatever the order of those with almost the same score.

    Where one lies on an edge, rounding decides whether it is a candidate: such ones may be missing.
    """
    npz, near_edge, name = fixture.npz, _edge_test(fixture, name), f"{name}/pre_nms"
    valid = found["valid"][0]
    ours = {part: found[part][0][valid] for part in ("segments", "scores", "labels")}
    theirs = {part: npz[f"{name}/{part}"] for part in ours}
    cost = np.abs(ours["scores"][:, None] - theirs["scores"][None])
    cost = cost + np.abs(ours["segments"][:, None] - theirs["segments"][None]).sum(-1)
    cost = cost + 1e3 * (ours["labels"][:, None] != theirs["labels"][None])
    rows, columns = linear_sum_assignment(cost)
    same = (ours["labels"][rows] == theirs["labels"][columns]) & (
        np.abs(ours["scores"][rows] - theirs["scores"][columns]) <= FORWARD_ATOL
    )
    rows, columns = rows[same], columns[same]
    alone = [_missing(ours, rows), _missing(theirs, columns)]
    found = [
        identical(f"{name} (of one side only)", sum(np.count_nonzero(~near_edge(side)) for side in alone), 0),
        compare(f"{name}/scores", ours["scores"][rows], theirs["scores"][columns], atol=FORWARD_ATOL),
        # Offsets are multiplied by the stride of their level.
        compare(
            f"{name}/segments",
            ours["segments"][rows],
            theirs["segments"][columns],
            atol=FORWARD_ATOL,
            rtol=FORWARD_ATOL,
        ),
    ]
    if not any(len(side["scores"]) for side in alone):
        found.append(compare(f"{name} (order)", ours["scores"], theirs["scores"], atol=FORWARD_ATOL))
    return found


def _missing(candidates, matched):
    """Those candidates that have no partner on the other side."""
    rest = np.setdiff1d(np.arange(len(candidates["scores"])), matched)
    return {part: values[rest] for part, values in candidates.items()}


def _edge_test(fixture, name):
    """A function that tells which candidates lie within rounding of what decides whether they are some."""
    npz, settings = fixture.npz, fixture.task.candidate_config
    edges, level = [settings.threshold], 0
    while (logits := f"{name}/cls_logits_{level}") in npz:
        valid = npz[f"{name}/mask_{level}"].reshape(-1, 1)
        scores = np.sort((valid / (1 + np.exp(-npz[logits].astype(np.float64).reshape(len(valid), -1)))).ravel())
        if len(scores) > settings.per_level:
            edges.append(scores[-settings.per_level])
        level += 1

    def near_edge(candidates):
        segments = candidates["segments"].astype(np.float64)
        lengths = segments[:, 1] - segments[:, 0] - settings.min_duration
        near = np.abs(candidates["scores"][:, None] - np.array(edges)).min(axis=1) <= FORWARD_ATOL
        return near | (np.abs(lengths) <= FORWARD_ATOL * (1 + np.abs(segments).max(axis=1, initial=0.0)))

    return near_edge


def _check_trajectory(fixture, batch):
    """Steps of the published optimiser with our training step: parameters, averages, losses, rates."""
    npz, settings = fixture.npz, fixture.settings["traj"]
    loss_config = dataclasses.replace(fixture.task.loss_config, first_normalizer=settings["init_loss_norm"])
    task = _without_dropout(ActionFormerTask(fixture.model, loss_config, fixture.task.candidate_config))
    config = actionformer_settings.optimizer_config(settings)
    schedule = optimizers.learning_rate_schedule(ConfigDict(config), settings["iters_per_epoch"])
    rates = [float(schedule(count)) for count in range(len(npz["traj/lr"]))]
    rows = [compare("traj/lr", rates, npz["traj/lr"], atol=1e-6 * settings["learning_rate"])]
    mask = task.weight_decay_mask(fixture.params)
    optimizer = optimizers.make_optimizer(ConfigDict(config), settings["iters_per_epoch"], None, mask)
    variables = {"params": fixture.params, "state": task.first_state()}
    create = jax.jit(lambda variables: train_states.create(variables, optimizer, use_ema=True))
    state = jax.device_get(create(variables))
    devices = jax.local_devices()[:1]
    step = steps.TrainStep(task, optimizer, devices, seed=0, ema_decay=settings["ema_decay"], say=lambda line: None)
    state, terms, normalizers = device_layout.replicate(state, devices), [], []
    ids = tuple(f"train{row}" for row in batch["row"])
    for _ in range(settings["steps"]):
        state, found = step(state, (Batch(batch, ids, tuple(batch["row"])),))
        terms.append(steps.fetch_terms([found])[0])
        normalizers.append(terms[-1]["normalizer"][0])
    final = device_layout.unreplicate(state)
    losses = [
        [total / share for total, share in (t["loss_classification"], t["loss_regression"], t["loss"])] for t in terms
    ]
    rows += [
        compare("traj/losses", losses, npz["traj/losses"], rtol=TRAJECTORY_RTOL),
        compare("traj/grad_norm", [t["grad_norm"][0] for t in terms], npz["traj/grad_norm"], rtol=TRAJECTORY_RTOL),
        compare("traj/normalizer", normalizers, npz["traj/normalizer"], rtol=LOSS_RTOL),
    ]
    return rows + _check_moved(fixture, final)


def _check_moved(fixture, final):
    """How far the parameters and their averages went."""
    npz, rows = fixture.npz, []
    travelled = float(np.sum(npz["traj/lr"][: fixture.settings["traj"]["steps"]]))
    moved, averaged = (state_dict.to_torch(fixture.links, tree) for tree in (final.params, final.ema_params))
    for name, ours in moved.items():
        start, wanted, change = (npz[f"{group}/{name}"] for group in ("param", "traj/param", "traj/ema_delta"))
        if name.endswith(INERT):
            rows.append(identical(f"traj/param/{name} (stays where it was)", ours, start))
            continue
        # Adam goes by the ratio of gradients: where one is small, rounding shows in the step.
        unsure = np.minimum(GRADIENT_ROUNDING / np.maximum(np.abs(npz[f"grad/{name}"]), GRADIENT_ROUNDING), 1.0)
        rows.append(
            _near(f"traj/param/{name}", ours - start, wanted - start, TRAJECTORY_RTOL, 1e-6 + travelled * unsure)
        )
        # An average lies so near to its start that rounding is a part of the change.
        rounding = fixture.settings["traj"]["steps"] * 2 * ROUNDING * float(np.max(np.abs(start)))
        rows.append(_near(f"traj/ema_delta/{name}", averaged[name] - start, change, TRAJECTORY_RTOL, rounding))
    return rows
