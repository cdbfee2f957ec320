"""Compares recorded numbers of CAST's training and evaluation: merged views, scores, learning rates and mixup."""

import re

import jax
import jax.numpy as jnp
import numpy as np

from fact_jax.metrics.recognition import RecognitionMetric
from fact_jax.ops import mixup
from fact_jax.training import schedules
from tests.parity.report import compare

LR_RTOL = 1e-6  # of the largest rate of a schedule
MIXUP_ATOL = 1e-6
PERCENT_ATOL = 1e-9
_MIXUP = re.compile(r"mixup/(single|compo)/(\w+)/(x_out|target\w*)")
_NAMES = {
    "merge/single/top1_top5_pct": ("Top1", "Top5"),
    "merge/compo/action1_action5_noun1_noun5_verb1_verb5_pct": (
        *("Action@1", "Action@5"),
        *("Noun@1", "Noun@5", "Verb@1", "Verb@5"),
    ),
    "val/action_acc1_acc5_pct": ("Action@1", "ActionRank@5"),
}


def check_scores(npz, config):
    """Scores of merged views, and those of a validation, which looks at one view of every clip."""
    for key, names in _NAMES.items():
        if key in npz:
            scores = _scores(npz, "single" if "single" in key else "compo", 1 if key.startswith("val") else None)
            yield compare(key, [scores[name] for name in names], npz[key], atol=PERCENT_ATOL)


def _scores(npz, form, num_views):
    """Scores of the first views of every clip; None = all."""
    keys = {"label": "logits"} if form == "single" else {"noun": "logits_noun", "verb": "logits_verb"}
    logits = {head: npz[f"merge/{form}/{key}"][:, :num_views] for head, key in keys.items()}
    labels = npz[f"merge/{form}/" + ("label" if form == "single" else "label_noun_verb")]
    clips, views = next(iter(logits.values())).shape[:2]
    metric = RecognitionMetric(tuple(logits), tuple(values.shape[2] for values in logits.values()))
    names = [str(clip) for clip in range(clips) for _ in range(views)]
    chunks, crops = np.zeros(clips * views), np.tile(np.arange(views), clips)
    flat = {head: values.reshape(clips * views, -1) for head, values in logits.items()}
    return metric.from_views(names, chunks, crops, np.repeat(labels, views, axis=0), flat).compute()


def check_rates(npz, config):
    """The learning rate of every update: a rise that ends at the peak, and half a cosine that begins there."""
    for name, told in config["lr"].items():
        updates = told["epochs"] * told["niter"]
        warm = told.get("warmup_steps", 0) or told["warmup_epochs"] * told["niter"]
        falling = schedules.cosine(told["base"], told["final"], updates - warm)
        rates = schedules.warm_up(told["base"], warm, falling)(jnp.arange(updates))
        yield compare(f"lr/{name}", rates, npz[f"lr/{name}"], atol=LR_RTOL * told["base"])


def check_mixup(npz, config):
    """Clips that are mixed, and their targets, with the recorded weight."""
    for key in npz:
        if _MIXUP.fullmatch(key):
            case, what = key.rsplit("/", 1)
            values, labels = npz[f"{case}/x_in"], npz[f"{case}/label"]
            if what != "x_out":
                head = {"target": ..., "target_noun": (slice(None), 0), "target_verb": (slice(None), 1)}[what]
                count = npz[key].shape[1]
                values = mixup.smoothed_targets(labels[head], count, float(_told(config, "smoothing", 0.1)))
            place = mixup.mirrored(jnp.arange(len(labels)), jnp.int32(len(labels)))
            mixed = jax.jit(mixup.mix)(values, values[place], np.float32(npz[f"{case}/lam"]))
            yield compare(key, mixed, npz[key], atol=MIXUP_ATOL)


def _told(config, name, default):
    """A number that the note of a file names, such as "smoothing .1"."""
    found = re.search(rf"{name} ([\d.]+\d)", config.get("note", ""))
    return found[1] if found else default


PARTS = (check_scores, check_rates, check_mixup)
