"""Compares the CAST network with outputs, gradients and parameter groups of the published code."""

import json

import jax
import jax.numpy as jnp
import numpy as np

from fact_jax.models.backbones import vit
from fact_jax.models.cast import blocks, published, scales
from fact_jax.models.cast.config import CASTConfig
from fact_jax.models.cast.network import CAST, initial_variables
from fact_jax.models.cast.objective import label_entropy, loss_terms
from fact_jax.models.cast.paths import Paths
from fact_jax.types import UserError
from tests.parity.fact import Reader
from tests.parity.report import Row, compare

FORWARD_ATOL, LOSS_RTOL, GRADIENT_RTOL = 2e-5, 1e-5, 1e-4


def check(npz):
    """Checks a loaded fixture of a network; returns a list of rows."""
    npz = Reader(npz)
    settings = json.loads(str(npz["config"]))
    with jax.default_matmul_precision("highest"):
        fixture = Fixture(npz, settings)
        rows = fixture.counts() + fixture.stages() + fixture.outputs() + fixture.gradients()
    return rows + [Row(f"{name} (not compared)", np.inf, np.inf, False) for name in npz.unread()]


def _whole(name, ratio):
    """A ratio that is a whole number, but for rounding."""
    if abs(ratio - round(ratio)) > 1e-6:
        raise UserError(f"{name} is {ratio:g}; networks of this library have whole numbers there")
    return round(ratio)


class Fixture:
    """The settings, parameters and clips of a file."""

    def __init__(self, npz, settings):
        self.npz, self.settings = npz, settings
        classes = (settings["n_noun"], settings["n_verb"]) if settings["composition"] else (settings["num_classes"],)
        self.config = CASTConfig(
            num_classes=classes,
            num_frames=settings["num_frames"],
            image_size=settings["img_size"],
            patch_size=settings["patch_size"],
            tubelet=settings["tubelet_size"],
            dim=settings["embed_dim"],
            num_layers=settings["depth"],
            num_heads=settings["num_heads"],
            mlp_ratio=_whole("mlp_ratio", settings["mlp_ratio"]),
            adapter_ratio=_whole("1 / adapter_ratio", 1 / settings["adapter_ratio"]),
            down_ratio=settings["down_ratio"],
            drop_path=settings["drop_path_rate"],
            drop_path_axis="token",
        )
        self.network = CAST(self.config)
        tensors = {name.removeprefix("param/"): npz[name] for name in npz if name.startswith("param/")}
        self.num_tensors = sum(tensor.size for tensor in tensors.values())
        shapes = jax.eval_shape(lambda key: initial_variables(self.config, key), jax.random.key(0))["params"]
        self.params = published.from_state_dict(self.config, tensors, shapes)
        self.frames = np.ascontiguousarray(np.moveaxis(npz["input/video"], 1, -1))
        # Of several classifiers the arrays have their names.
        self.endings = {name: f"_{name}" if settings["composition"] else "" for name in self.config.heads}

    def counts(self):
        """Numbers of parameters."""
        is_trained = scales.trained(self.config, self.params)
        sizes = jax.tree.map(lambda array, scale: array.size * scale, self.params, is_trained)
        total, trained = self.settings["param_total"], self.settings["param_trainable"]
        return [
            compare("config/param_total", self.num_tensors, total),
            compare("config/param_trainable", sum(jax.tree.leaves(sizes)), trained),
        ]

    def stages(self):
        """Tokens after every block, and what the attentions of the first one give."""
        config = self.config

        def run(network):
            s, t = network.embedded(self.frames)
            weights, found = network.weights(), {"embed_s": s, "embed_t": t}
            for index in range(config.num_layers):
                of_block = jax.tree.map(lambda array, index=index: array[index], weights)
                if index == 0:
                    found |= _first_attentions(s, t, of_block, config)
                s, t = blocks.block(s, t, of_block, config)
                found[f"block{index}_s"], found[f"block{index}_t"] = s, t
            found["pooled_s"], found["pooled_t"] = network.pooled(s, t)
            return found

        found = jax.jit(lambda params: self.network.apply({"params": params}, method=run))(self.params)
        rows = [self._compared(f"out/{name}", array) for name, array in found.items()]
        positions = vit.sinusoids(self.npz["const/pos_embed"].shape[1], config.dim)[None]
        return [compare("const/pos_embed", positions, self.npz["const/pos_embed"], atol=1e-6), *rows]

    def outputs(self):
        """Logits of training with the masks of the file."""
        train = jax.jit(lambda params: self.network.apply({"params": params}, self.frames, None, self._paths()))
        return [
            self._compared(f"out/train_logits{self.endings[head]}", array) for head, array in train(self.params).items()
        ]

    def _paths(self):
        config, batch, factors = self.config, len(self.frames), {}
        for site in Paths._fields:
            count = 1 + config.num_patches if site.endswith("_s") else 1
            factor = np.ones((config.num_layers, batch, count), np.float32)
            for index, rate in enumerate(np.linspace(0.0, config.drop_path, config.num_layers)):
                name = f"droppath/block{index}/{site}"
                if name in self.npz:
                    mask = self.npz[name] / np.float32(1.0 - rate)
                    factor[index] = mask[None] if site.endswith("_s") else mask[:, None]
            factors[site] = factor
        return Paths(**factors)

    def gradients(self):
        """Logits and losses of evaluation, and the gradients by the published names."""
        npz, targets = self.npz, {}
        for head, ending in self.endings.items():
            targets[head] = npz[f"input/target_soft{ending}"]

        def loss(params):
            logits = self.network.apply({"params": params}, self.frames)
            terms = loss_terms(logits, targets, np.ones(len(self.frames), bool))
            return terms["loss"][0] / terms["loss"][1], (logits, terms)

        (value, (logits, terms)), gradients = jax.jit(jax.value_and_grad(loss, has_aux=True))(self.params)
        rows = [compare("loss/soft", value, npz["loss/soft"], rtol=LOSS_RTOL)]
        rows += [self._compared(f"out/logits{self.endings[head]}", array) for head, array in logits.items()]
        labels = np.asarray(npz["input/label"]).reshape(len(self.frames), -1)
        for column, (head, ending) in enumerate(self.endings.items()):
            if ending:
                mean = terms[f"loss_{head}"][0] / terms[f"loss_{head}"][1]
                rows.append(compare(f"loss/soft{ending}", mean, npz[f"loss/soft{ending}"], rtol=LOSS_RTOL))
            hard = jnp.mean(label_entropy(logits[head], labels[:, column]))
            rows.append(compare(f"loss/ce{ending}", hard, npz[f"loss/ce{ending}"], rtol=LOSS_RTOL))
        found = published.to_state_dict(self.config, gradients)
        for name, ours in found.items():
            if f"grad/{name}" in npz:
                wanted = npz[f"grad/{name}"]
                atol = GRADIENT_RTOL * float(np.max(np.abs(wanted), initial=0.0))
                rows.append(compare(f"grad/{name}", ours, wanted, atol=atol))
            else:
                rows.append(compare(f"grad/{name} (none)", np.max(np.abs(ours)), 0.0))
        return rows

    def _compared(self, name, ours):
        wanted = self.npz[name]
        if ours.ndim == 4 and name.endswith("_t"):
            ours = ours.reshape(len(ours), -1, ours.shape[-1])
        return compare(name, ours, wanted, atol=FORWARD_ATOL)


def _first_attentions(s, t, weights, config):
    exchange = weights.exchange
    given_s = blocks.space_attention(s, weights.clip, config)
    given_t = blocks.time_attention(t, weights.videomae, config, None)
    found = {"block0_clip_attn": given_s, "block0_vmae_attn": given_t.reshape(len(t), -1, t.shape[-1])}
    s = s + given_s + blocks.adapted(given_s, weights.adapters.space, config.dtype)
    t = t + given_t + blocks.adapted(given_t, weights.adapters.time, config.dtype)
    narrow_s = vit.normalized(vit.affine(s, exchange.down_s, config.dtype), exchange.norm_s, blocks.CROSS_EPSILON)
    narrow_t = vit.normalized(vit.affine(t, exchange.down_t, config.dtype), exchange.norm_t, blocks.CROSS_EPSILON)
    found["block0_t2s_cross"] = blocks.cross_to_space(narrow_s, narrow_t, exchange.to_space, config)
    to_time = blocks.cross_to_time(narrow_s, narrow_t, exchange.to_time, config)
    return found | {"block0_s2t_cross": to_time.reshape(len(t), -1, to_time.shape[-1])}
