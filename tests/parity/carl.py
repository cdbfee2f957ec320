"""Compares the CARL network with outputs, gradients and running statistics of the published code."""

import json

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict

from fact_jax.layers.batch_norm import Batch
from fact_jax.losses.contrastive import sequence_contrastive
from fact_jax.models.carl import published
from fact_jax.models.carl.config import CARLConfig
from fact_jax.models.carl.network import CARL, unit_length
from fact_jax.models.carl.positions import stretched_positions
from fact_jax.models.weights import state_dict
from tests.parity.carl_losses import scl_settings
from tests.parity.fact import Reader
from tests.parity.report import Row, compare

FORWARD_RTOL, LOSS_RTOL = 2e-5, 1e-5
GRADIENT_RTOL = 1e-4
# Of the trained ResNet, whose statistics are of a few numbers.
RESNET_OUTPUT_RTOL, RESNET_GRADIENT_RTOL = 1e-4, 5e-4
# Biases that change nothing, because a normalisation or a softmax takes them off: their gradient is rounding.
INERT = ("linear_K2d.bias", "ssl_projection.net.0.bias", "embed.embedding_layer.bias")
INERT_ATOL = 2e-6


def check(npz):
    """Checks a loaded fixture; returns a list of rows."""
    npz = Reader(npz)
    settings = json.loads(str(npz["config"]))
    with jax.default_matmul_precision("highest"):
        rows = _check_resnet(npz, settings) if "planes" in settings else _check_embedder(npz, settings)
    return rows + [Row(f"{name} (not compared)", np.inf, np.inf, False) for name in npz.unread()]


def _near(name, found, wanted, rtol, atol=0.0):
    """Compares relative to the largest entry, as rounding goes by the numbers that were added up."""
    return compare(name, found, wanted, atol=atol + rtol * float(np.max(np.abs(wanted), initial=0.0)))


class Fixture:
    """The settings and variables of a file."""

    def __init__(self, npz, config, shapes):
        self.npz, self.config = npz, config
        tensors = {name.removeprefix("param/"): npz[name] for name in npz if name.startswith("param/")}
        held = set(flatten_dict(shapes, sep="/"))
        self.links = [link for link in published.links(config) if link.flax in held]
        self.variables = state_dict.to_flax(self.links, tensors, shapes)

    def apply(self, *args, params=None, **options):
        """Runs the network, with other parameters if given."""
        variables = self.variables if params is None else self.variables | {"params": params}
        return CARL(self.config).apply(variables, *args, **options)

    def gradients(self, loss):
        """The value, its aux and the gradients of `loss`, a function of the parameters, by the published names."""
        (value, aux), gradients = jax.jit(jax.value_and_grad(loss, has_aux=True))(self.variables["params"])
        links = [link for link in self.links if link.flax.startswith("params/")]
        return value, aux, state_dict.to_torch(links, {"params": gradients})

    def gradient_rows(self, gradients, rtol):
        """Rows of those gradients that the file has."""
        last = f"enc_layers.{self.config.num_layers - 1}.feed_forward.fc2.bias"
        before_norm = tuple(f"embed.fc_layers.{4 * index + 1}.bias" for index in range(len(self.config.fc_dims)))
        rows = []
        for name, ours in gradients.items():
            if f"grad/{name}" in self.npz:
                atol = INERT_ATOL if name.endswith((*INERT, last, *before_norm)) else 0.0
                rows.append(_near(f"grad/{name}", ours, self.npz[f"grad/{name}"], rtol, atol))
        return rows

    def statistics_rows(self, moved, rtol):
        """Rows of the running statistics after a step; those of a frozen part have not moved."""
        links = [link for link in self.links if link.flax.startswith("batch_stats/")]
        found = state_dict.to_torch(links, {"batch_stats": moved})
        keys = [name.removeprefix("out/after_step/") for name in self.npz if name.startswith("out/after_step/")]
        return [_near(f"out/after_step/{name}", found[name], self.npz[f"out/after_step/{name}"], rtol) for name in keys]


def _check_embedder(npz, settings):
    config = CARLConfig(
        fc_dims=tuple(dim * settings["capacity_scalar"] for dim in settings["fc_layers"]),
        hidden_dim=settings["hidden_size"],
        ff_dim=settings["d_ff"],
        num_heads=settings["num_heads"],
        num_layers=settings["num_layers"],
        embedding_dim=settings["embedding_size"],
        projection_dim=settings["projection_size"],
        num_frames=settings["train_num_frames"],
        dropout_rate=settings["dropout"],
        l2_normalize=False,
    )
    videos = _channels_last(npz["input/feat"])
    features = videos.reshape(-1, *videos.shape[2:])
    masks = np.asarray(npz["input/masks"], bool)
    mask = masks.reshape(len(features), -1)
    network = CARL(config)
    shapes = jax.eval_shape(lambda key: network.init(key, features, project=True, method="embedded"), jax.random.key(0))
    fixture = Fixture(npz, config, shapes)

    def loss(params_and_features):
        params, features = params_and_features
        options = {"batch": Batch(), "project": True, "mutable": "batch_stats", "method": "embedded"}
        projected, moved = fixture.apply(features, mask, params=params, **options)
        steps, lengths = (jnp.asarray(npz[f"input/{name}"]) for name in ("steps", "seq_lens"))
        pairs = projected.reshape(*masks.shape, -1)
        total, count = sequence_contrastive(
            pairs, steps, lengths, masks, np.ones(len(masks), bool), **scl_settings(settings["scl"])
        )
        return total / count, (projected, moved["batch_stats"])

    gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))
    (value, (projected, moved)), (gradients, of_input) = gradient((fixture.variables["params"], features))
    norm = np.sqrt(sum(np.sum(np.square(leaf, dtype=np.float64)) for leaf in jax.tree.leaves(gradients)))
    links = [link for link in fixture.links if link.flax.startswith("params/")]
    rows = [
        _near("out/train_projected", projected, npz["out/train_projected"], FORWARD_RTOL),
        compare("loss/scl", value, npz["loss/scl"], rtol=LOSS_RTOL),
        compare("out/grad_total_norm", norm, npz["out/grad_total_norm"], rtol=GRADIENT_RTOL),
        _near("grad/input_feat", _channels_first(of_input, videos.shape), npz["grad/input_feat"], GRADIENT_RTOL),
    ]
    rows += fixture.gradient_rows(state_dict.to_torch(links, {"params": gradients}), GRADIENT_RTOL)
    return rows + fixture.statistics_rows(moved, FORWARD_RTOL) + _check_evaluated(fixture, features, mask)


def _channels_last(maps):
    return np.moveaxis(np.asarray(maps, np.float32), -3, -1)


def _channels_first(maps, shape):
    return np.moveaxis(np.asarray(maps).reshape(shape), -1, -3)


def _check_evaluated(fixture, features, mask):
    """Embeddings in evaluation, of the training length and of others, and the positions."""
    npz, rows = fixture.npz, []
    found = {}

    @jax.jit
    def embed(features, mask):
        raw = fixture.apply(features, mask, method="embedded")
        return raw, unit_length(raw)

    project = jax.jit(lambda features: fixture.apply(features, project=True, method="embedded"))
    found["emb_raw"], found["emb_l2"] = embed(features, np.ones(mask.shape, bool))
    _, found["emb_l2_masked"] = embed(features, mask)
    found["proj_l2"] = project(features)
    for key in [name for name in npz if name.startswith("input/feat_S")]:
        size = key.removeprefix("input/feat_")
        other = _channels_last(npz[key])
        found[f"emb_raw_{size}"], found[f"emb_l2_{size}"] = embed(other, np.ones(other.shape[:2], bool))
    for name, ours in found.items():
        rows.append(_near(f"out/eval_{name}", ours, npz[f"out/eval_{name}"], FORWARD_RTOL))
    config, stretched = fixture.config, jax.jit(stretched_positions, static_argnums=(1, 2, 3))
    for key in [name for name in npz if name.startswith("out/pos_S")]:
        size = int(key.removeprefix("out/pos_S"))
        ours = stretched(np.array([size]), size, config.num_frames, config.hidden_dim)
        rows.append(compare(key, ours, npz[key], atol=1e-6))
    return rows


def _resnet_config(settings):
    embed = settings["embed"]
    return CARLConfig(
        stem_dim=settings["stem"],
        stage_dims=tuple(settings["planes"]),
        stage_blocks=tuple(settings["blocks"]),
        chunk_frames=settings["frames_per_batch"],
        fc_dims=tuple(embed["fc_layers"]),
        hidden_dim=embed["hidden"],
        ff_dim=embed["d_ff"],
        num_heads=embed["heads"],
        num_layers=embed["layers"],
        embedding_dim=embed["embedding_size"],
        projection_dim=embed["projection_size"],
        num_frames=embed["train_num_frames"],
        dropout_rate=0.0,
    )


def _check_resnet(npz, settings):
    config = _resnet_config(settings)
    frames = _channels_last(npz["input/video"])
    network = CARL(config)
    shapes = jax.eval_shape(lambda key: network.init(key, frames, method="everything"), jax.random.key(0))
    fixture = Fixture(npz, config, shapes)
    flat = frames.reshape(-1, *frames.shape[2:])
    stages = jax.jit(
        lambda: [fixture.apply(flat, last, method=lambda net, *given: net.resnet.frozen(*given)) for last in range(4)]
    )()
    evaluated = jax.jit(lambda: fixture.apply(frames, method="features"))()
    stages.append(evaluated.reshape(len(flat), *evaluated.shape[2:]))
    names = ("stem", "layer1", "layer2", "layer3", "layer4")
    rows = []
    for name, ours in zip(names, stages, strict=True):
        rows.append(_near(f"out/eval_{name}", np.moveaxis(ours, -1, 1), npz[f"out/eval_{name}"], FORWARD_RTOL))
    for name, project in (("emb_l2", False), ("proj_l2", True)):
        ours = jax.jit(lambda project=project: fixture.apply(frames, project=project))()
        rows.append(_near(f"out/eval_{name}", ours, npz[f"out/eval_{name}"], FORWARD_RTOL))

    def loss(params):
        def run(net):
            features = net.features(frames, Batch())
            return features, net.embedded(features, batch=Batch(), project=True)

        (features, projected), moved = fixture.apply(params=params, mutable="batch_stats", method=run)
        value = jnp.sum(projected * npz["input/loss_weight"])
        return value, (features, projected, moved["batch_stats"])

    value, (features, projected, moved), gradients = fixture.gradients(loss)
    scale = float(np.sum(np.abs(npz["input/loss_weight"] * npz["out/train_proj_l2"])))
    rows += [
        _near("out/train_layer4", np.moveaxis(features, -1, 2), npz["out/train_layer4"], FORWARD_RTOL),
        _near("out/train_proj_l2", projected, npz["out/train_proj_l2"], RESNET_OUTPUT_RTOL),
        # A sum of positive and negative numbers, each off by its rounding.
        compare("loss/weighted_sum", value, npz["loss/weighted_sum"], atol=FORWARD_RTOL * scale),
    ]
    frozen = [name for name in gradients if name.startswith("backbone.")]
    rows.append(compare("grad/backbone (none)", sum(np.abs(gradients[name]).sum() for name in frozen), 0.0))
    rows += fixture.gradient_rows(gradients, RESNET_GRADIENT_RTOL)
    return rows + fixture.statistics_rows(moved, FORWARD_RTOL)
