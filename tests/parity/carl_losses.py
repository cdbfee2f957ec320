"""Compares CARL's losses and their gradients with those of the published code."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np

from fact_jax.losses.classification import labelled_cross_entropy
from fact_jax.losses.contrastive import n_pairs, sequence_contrastive
from fact_jax.losses.cycle import cycle_consistency
from tests.parity.fact import Reader
from tests.parity.report import Row, compare

LOSS_RTOL, GRADIENT_RTOL = 1e-5, 1e-4
LOSS_ATOL = 1e-6  # of losses near 0, which are differences


def check(npz):
    """Checks a loaded fixture; returns a list of rows."""
    npz = Reader(npz)
    settings = json.loads(str(npz["config"]))
    with jax.default_matmul_precision("highest"):
        rows = _check_contrastive(npz, settings) if "cases" in settings else _check_others(npz, settings)
    return rows + [Row(f"{name} (not compared)", np.inf, np.inf, False) for name in npz.unread()]


def scl_settings(theirs):
    """Arguments of `sequence_contrastive` of a published section SCL."""
    return {
        "negatives": theirs["negative_type"],
        "positives": "gauss" if theirs["positive_type"] == "gauss" else "none",
        "label_variance": theirs["label_varience"],
        "temperature": theirs["temperature"],
    }


def _rows(npz, loss_key, gradient_key, found, gradient):
    """Rows of a loss and its gradient."""
    wanted = npz[gradient_key]
    atol = GRADIENT_RTOL * float(np.max(np.abs(wanted)))
    return [
        compare(loss_key, found, npz[loss_key], rtol=LOSS_RTOL, atol=LOSS_ATOL),
        compare(gradient_key, gradient, wanted, atol=atol),
    ]


# Numbers are traced, so that cases of one form share a program.
@functools.partial(jax.jit, static_argnames=("negatives", "positives"))
@jax.value_and_grad
def _contrastive(embeddings, given, negatives, positives, **numbers):
    mask = given["masks"] > 0
    rest = given["steps"], given["seq_lens"], mask, jnp.ones(len(mask), bool)
    total, count = sequence_contrastive(embeddings, *rest, negatives=negatives, positives=positives, **numbers)
    return total / count


def _check_contrastive(npz, settings):
    rows = []
    for name, case in settings["cases"].items():
        given = {key: npz[f"input/{name}/{key}"] for key in ("steps", "seq_lens", "masks")}
        found = _contrastive(npz[f"input/{name}/embs"], given, **scl_settings(case))
        rows += _rows(npz, f"loss/{name}", f"grad/{name}/embs", *found)
    return rows


def _tcc_settings(theirs):
    return {
        "loss": theirs["LOSS_TYPE"],
        "similarity": theirs["SIMILARITY_TYPE"],
        "temperature": theirs["SOFTMAX_TEMPERATURE"],
        "label_smoothing": theirs["LABEL_SMOOTHING"],
        "variance_weight": theirs["VARIANCE_LAMBDA"],
        "normalize_steps": theirs["NORMALIZE_INDICES"],
    }


@functools.partial(jax.jit, static_argnames=("loss", "similarity", "normalize_steps"))
@functools.partial(jax.value_and_grad, has_aux=True)
def _cycle(embeddings, steps, lengths, **settings):
    found = cycle_consistency(embeddings, steps, lengths, jnp.ones(len(embeddings), bool), **settings)
    return found.loss / found.count, found


@functools.partial(jax.jit, static_argnums=1)
@jax.value_and_grad
def _n_pairs(embeddings, weight):
    return jnp.mean(n_pairs(embeddings, regularization=weight))


def _check_others(npz, settings):
    embeddings, rows = npz["input/embs"], []
    for name, case in settings["tcc_cases"].items():
        (value, found), gradient = _cycle(embeddings, npz["input/steps"], npz["input/seq_lens"], **_tcc_settings(case))
        rows += _rows(npz, f"loss/{name}/loss", f"grad/{name}/embs", value, gradient)
        for key, total in (("squared_error", found.squared_error), ("pred_time_log_var", found.log_variance)):
            if (key := f"loss/{name}/{key}") in npz:
                rows.append(compare(key, total / found.count, npz[key], rtol=LOSS_RTOL))
    for key in [name for name in npz if name.startswith("loss/tcn/lambda_")]:
        found = _n_pairs(embeddings[:, : settings["tcn_frames"]], float(key.rpartition("_")[2]))
        rows += _rows(npz, key, f"{key.replace('loss/', 'grad/')}/embs", *found)
    return rows + _check_classification(npz)


@functools.partial(jax.value_and_grad, has_aux=True)
def _classification(logits, labels, mask):
    entropy, correct, count = labelled_cross_entropy(logits, labels, mask)
    return entropy / count, correct / count


def _check_classification(npz):
    labels, mask = npz["input/cls/labels"], npz["input/cls/masks"] > 0
    (value, accuracy), gradient = _classification(jnp.asarray(npz["input/cls/logits"]), labels, mask)
    rows = _rows(npz, "loss/cls/train", "grad/cls/logits", value, gradient)
    return rows + [compare("loss/cls/val_accuracy", accuracy, npz["loss/cls/val_accuracy"], rtol=1e-6)]
