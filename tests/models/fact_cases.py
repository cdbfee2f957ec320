"""Small FACT and FAFormer models and ragged batches that tests share."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from fact_jax.models.fact.classes import PlainClasses, VerbNounClasses
from fact_jax.models.fact.config import BlockConfig, FactConfig, resolve_blocks
from fact_jax.models.fact.network import Fact

NUM_CLASSES = 4
CLASSES = PlainClasses(NUM_CLASSES)
# The same number of actions, made of 2 verbs and 3 nouns.
VERB_NOUN = VerbNounClasses(2, 3, (0, 0, 1, 1), (0, 2, 1, 2))
NUM_TOKENS = 6
FEATURE_DIM = 5


BLOCK = BlockConfig(
    hidden_dim=8,
    dropout_rate=0.0,
    frame_branch="m",
    frame_dim=6,
    frame_layers=2,
    frame_norm=False,
    frame_groups=1,
    action_branch="sca",
    action_dim=4,
    action_layers=2,
    action_heads=2,
    action_ff_dim=6,
    encoder_layers=2,
    encoder_dim=5,
    encoder_reduction=2,
    encoder_attention=0.5,
    encoder_channel_dropout_rate=0.0,
)


def small_config(
    blocks="iuU",
    frame_branch="m",
    *,
    update_branch=None,
    dropout_rate=0.0,
    segment_buckets=(4,),
    action_branch="sca",
    classes=CLASSES,
    hidden_dim=8,
    **changes,
):
    """A FactConfig with a few channels and layers; `action_branch` is that of the first block."""
    block = dataclasses.replace(
        BLOCK,
        hidden_dim=hidden_dim,
        dropout_rate=dropout_rate,
        frame_branch=frame_branch,
        action_branch=action_branch,
        encoder_channel_dropout_rate=dropout_rate,
    )
    update = BlockConfig(frame_branch=update_branch, action_branch="sa", action_layers=1, frame_layers=2)
    return FactConfig(
        blocks=blocks,
        block_configs=resolve_blocks(blocks, block, update, update),
        classes=classes,
        num_tokens=NUM_TOKENS,
        segment_buckets=segment_buckets,
        **changes,
    )


@functools.cache
def parameter_shapes(config, feature_dim=FEATURE_DIM):
    """Shapes of all parameters; compiles nothing."""
    inputs = [jax.ShapeDtypeStruct((1, 4, feature_dim), jnp.float32), jax.ShapeDtypeStruct((1, 4), bool), None]
    if config.use_transcript:
        inputs += [jax.ShapeDtypeStruct((1, 2), jnp.int32), jax.ShapeDtypeStruct((1, 2), bool)]
    return jax.eval_shape(Fact(config).init, jax.random.key(0), *inputs)["params"]


def init_params(config, seed=0):
    """Parameters drawn at random; biases of norms and attentions too, so that no term vanishes."""
    return drawn(parameter_shapes(config), seed)


def drawn(shapes, seed=0):
    """A tree of random parameters with these shapes."""
    rng = np.random.default_rng(seed)

    def draw(path, shape):
        values = rng.normal(0, 1.0 if path[-1].key == "action_query" else 0.25, shape.shape)
        return (values + (path[-1].key == "scale")).astype(np.float32)

    return jax.tree.map_with_path(draw, shapes)


def ragged_batch(lengths, size, *, garbage=np.nan, num_segments=5, seed=0):
    """Videos of the given lengths padded to `size` frames; what lies beyond them is `garbage`."""
    rng = np.random.default_rng(seed)
    batch = {
        "features": np.full((len(lengths), size, FEATURE_DIM), garbage, np.float32),
        "mask": np.zeros((len(lengths), size), bool),
        "labels": np.zeros((len(lengths), size), np.int32),
        "segment_labels": np.zeros((len(lengths), num_segments), np.int32),
        "segment_mask": np.zeros((len(lengths), num_segments), bool),
        "video_mask": np.ones(len(lengths), bool),
        "row": np.arange(len(lengths), dtype=np.int32),
    }
    for row, length in enumerate(lengths):
        count = min(num_segments - 1, length)
        transcript = (rng.integers(0, NUM_CLASSES) + np.cumsum(rng.integers(1, NUM_CLASSES, count))) % NUM_CLASSES
        ends = np.sort(rng.choice(np.arange(1, length), count - 1, replace=False)) if count > 1 else np.array([], int)
        labels = np.repeat(transcript, np.diff([0, *ends, length]))
        batch["features"][row, :length] = rng.normal(size=(length, FEATURE_DIM))
        batch["mask"][row, :length] = True
        batch["labels"][row, :length] = labels
        batch["segment_labels"][row, :count] = transcript
        batch["segment_mask"][row, :count] = True
    return batch


def one_video(batch, row, length):
    """The given row of a batch, alone and without padding of frames and segments."""
    sizes = dict.fromkeys(("features", "mask", "labels"), length)
    sizes |= dict.fromkeys(("segment_labels", "segment_mask"), int(batch["segment_mask"][row].sum()))
    return {name: x[row : row + 1, : sizes[name]] if name in sizes else x[row : row + 1] for name, x in batch.items()}
