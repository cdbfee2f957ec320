"""Compares ASFormer with outputs, losses and gradients of the published code."""

import json

import jax
import jax.numpy as jnp
import numpy as np

from fact_jax.models.asformer.model import ASFormerConfig
from fact_jax.models.weights import state_dict
from fact_jax.tasks.segmentation.frame_models import StageLossConfig, stage_losses
from tests.parity.fact import Reader
from tests.parity.faformer import relative_to_largest
from tests.parity.report import Row, compare, identical

OUTPUT = {"atol": 1e-5, "rtol": 1e-4}
GRADIENT = {"atol": 1e-5, "rtol": 1e-3}
# Where the file holds what the network gives with windows as the published code means them.
PREFIXES = {"released": "", "banded": "fixed_window/"}


def check(npz):
    """Checks a loaded fixture; returns a list of rows."""
    fixture = Fixture(Reader(npz))
    rows = fixture.check_settings()
    with jax.default_matmul_precision("highest"):
        for windows, prefix in PREFIXES.items():
            if any(name.startswith((f"{prefix}out/", f"{prefix}loss/", f"{prefix}grad/")) for name in npz):
                rows += fixture.check_windows(windows, prefix)
    return rows + [Row(f"{name} (not compared)", np.inf, np.inf, False) for name in fixture.npz.unread()]


class Fixture:
    """One file: the settings, parameters and input of the published network, and our model with the same."""

    def __init__(self, npz):
        self.npz, self.settings = npz, json.loads(str(npz["config"]))
        self.features = np.asarray(npz["input/x"], np.float32).T[None]
        self.labels = np.asarray(npz["input/label"], np.int32)[None]
        self.mask = np.ones(self.labels.shape, bool)
        self.links = self.model("released").links()
        tensors = {name.removeprefix("param/"): npz[name] for name in npz if name.startswith("param/")}
        shapes = jax.eval_shape(self.model("released").network.init, jax.random.key(0), self.features, self.mask)
        self.params = state_dict.to_flax(self.links, tensors, shapes["params"])

    def model(self, windows):
        """Our model with these windows."""
        theirs = self.settings
        return ASFormerConfig(
            num_classes=theirs["num_classes"],
            num_decoders=theirs["num_decoders"],
            num_layers=theirs["num_layers"],
            dim=theirs["num_f_maps"],
            query_reduction=theirs["r1"],
            value_reduction=theirs["r2"],
            windows=windows,
            channel_dropout_rate=theirs["channel_masking_rate"],
            dropout_rate=0.5,
        )

    def check_settings(self):
        """What the published network has fixed and ours as well."""
        model, theirs = self.model("released"), self.settings
        found = [model.attention_scale(decoder) for decoder in range(model.num_decoders)]
        rows = [compare("config/decoder_alphas", found, theirs["decoder_alphas"], rtol=1e-7)]
        return rows + [compare("config/encoder_alpha", 1.0, theirs["encoder_alpha"])]

    def check_windows(self, windows, prefix):
        """Outputs, inner values, losses and gradients that the file has for these windows."""
        loss = StageLossConfig(self.settings["smooth_weight"], self.settings["smooth_clamp"] ** 0.5)
        model = self.model(windows)

        def forward(params):
            logits, state = model.network.apply(
                {"params": params},
                self.features,
                self.mask,
                mutable="intermediates",
                capture_intermediates=lambda module, method: method in ("__call__", "_windows", "encoded"),
            )
            frame, smooth = (part[:, 0] for part in stage_losses(loss, logits, self.labels, self.mask))
            total = jnp.sum(frame + loss.smoothing_weight * smooth)
            return total, (logits[:, 0], frame, smooth, state["intermediates"])

        if any(name.startswith(f"{prefix}grad/") for name in self.npz):
            (total, aux), gradients = jax.device_get(jax.jit(jax.value_and_grad(forward, has_aux=True))(self.params))
            gradients = state_dict.to_torch(self.links, gradients)
        else:
            (total, aux), gradients = jax.device_get(jax.jit(forward)(self.params)), {}
        logits, frame, smooth, recorded = aux
        values = {"out/logits": np.swapaxes(logits, 1, 2), "loss/total": total, "loss/ce": frame, "loss/smooth": smooth}
        for name in recorded:
            if name != "__call__":
                values |= _inner_values(f"out/{name.replace('_', '')}", recorded[name], self.mask.size)
        values |= {f"grad/{name}": gradient for name, gradient in gradients.items()}
        rows = []
        for name, value in values.items():
            if (key := prefix + name) in self.npz:
                rows.append(_compare(key, value, self.npz[key], name))
        if f"{prefix}out/pred" in self.npz:
            key = f"{prefix}out/pred"
            rows.append(identical(key, np.argmax(logits[-1], axis=-1), self.npz[key]))
        return rows


def _compare(key, found, wanted, name):
    if name.startswith("grad/"):
        return compare(key, found, wanted, **GRADIENT)
    if name.startswith("loss/") or name == "out/logits":
        return compare(key, found, wanted, **OUTPUT)
    # What is normalised by a small variance is off by as much as its largest entries.
    return relative_to_largest(key, found, wanted, **OUTPUT)


def _weights(query, key, value, allowed):
    """What the queries of every window take of its keys."""
    del value
    logits = np.einsum("wqc,wkc->wqk", query[0], key[0]) + np.log(allowed[0] + np.float32(1e-6))
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True) * allowed[0]


def _inner_values(stage, recorded, num_frames):
    """Name in the file -> array, of what the layers of a stage give; attention is [windows, keys, queries]."""
    values = {}
    for name, layer in recorded.items():
        if not name.startswith("layer_"):
            continue
        key, attention = f"{stage}/{name.replace('_', '')}", layer["attention"]
        # A window of one frame has no weights to compute.
        weights = _weights(*attention["_windows"][0]) if "_windows" in attention else np.ones((num_frames, 1, 1))
        values |= {
            key: layer["__call__"][0][0].T,
            f"{key}_ff": np.maximum(layer["dilated"]["__call__"][0][0], 0.0).T,
            f"{key}_inorm": layer["norm"]["__call__"][0][0].T,
            f"{key}_att": attention["__call__"][0][0].T,
            f"{key}_attn": np.swapaxes(weights, 1, 2),
            # What is cut has the weight 0, and nothing else has.
            f"{key}_attn_mask": (weights != 0).astype(np.float32),
        }
    return values
