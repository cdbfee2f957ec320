"""The FACT and FAFormer network: a chain of blocks over frames and action tokens."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from fact_jax.layers.dropout import ChannelDropout, TimeMask
from fact_jax.layers.frame_branches import compose_layers
from fact_jax.layers.linear import Dense
from fact_jax.layers.positions import sinusoidal_positions
from fact_jax.layers.projected import projected
from fact_jax.models.fact.blocks import BlockOutput, InputBlock, SegmentInputBlock, TemporalBlock, UpdateBlock
from fact_jax.models.fact.branches import decoder_form
from fact_jax.models.fact.classes import VerbNounClasses
from fact_jax.models.fact.config import FactConfig
from fact_jax.models.fact.segment_update import BlockInput
from fact_jax.ops.arrays import Array, FrameMask, Frames, Seeds


class Fact(nn.Module):
    """FACT with learned action tokens or the tokens of a transcript, plain or for verbs and nouns.

    FAFormer is the same network with a projection of its input and an encoder for a frame branch.

    Source: published models/blocks.py and models_faformer/fact.py.
    """

    config: FactConfig

    @nn.compact
    def __call__(
        self,
        features: Frames,
        mask: FrameMask,
        dropout_rng: Seeds | None = None,
        transcript: Int[Array, "B S"] | None = None,
        transcript_mask: Bool[Array, "B S"] | None = None,
    ) -> tuple[BlockOutput, ...]:
        """Runs all blocks.

        `mask` is a prefix of at least one frame per video; features outside of it are ignored. `dropout_rng` switches
        the masking of time on as well. A transcript, the actions of every video in order, and its mask, a prefix, are
        given only with config.use_transcript, where M = S.
        """
        config = self.config
        hidden_dim, token_dim = config.widths
        features = jnp.where(mask[..., None], features, 0.0)
        projection = Dense(hidden_dim, config.dtype, name="input_projection") if config.faformer else None
        frames = features if projection is None else projected(projection, features)
        frames = ChannelDropout(config.channel_dropout_rate)(frames, dropout_rng)
        time_mask = config.time_mask
        frames = TimeMask(time_mask.count, time_mask.max_frames, time_mask.max_fraction)(frames, mask, dropout_rng)

        frame_positions = None
        if config.frame_positions and not config.ignore_positions:
            frame_positions = jnp.asarray(sinusoidal_positions(mask.shape[1], hidden_dim))
        if transcript is not None and transcript_mask is not None:
            actions, positions, token_mask = self._embed(transcript, token_dim), None, transcript_mask
        else:
            queries = self.param("action_query", nn.initializers.normal(1.0), (config.num_tokens, token_dim))
            positions = None if config.ignore_positions else queries[None]
            actions = jnp.zeros((len(mask), config.num_tokens, token_dim))
            token_mask = jnp.ones(actions.shape[:2], bool)

        given, outputs = BlockInput(frames, mask, actions, token_mask, positions, frame_positions, dropout_rng), []
        for index in range(len(config.blocks)):
            outputs.append(self._block(index)(given))
            given = given._replace(frames=outputs[-1].frames, actions=outputs[-1].action_features)
        return tuple(outputs)

    def _embed(self, transcript: Int[Array, "B S"], dim: int) -> Float[Array, "B S {dim}"]:
        """Token of every action of the transcript, with its position."""
        classes, normal = self.config.classes, nn.initializers.normal(1.0)
        if isinstance(classes, VerbNounClasses):
            verbs = self.param("verb_embed", normal, (classes.num_verbs, dim // 2))
            nouns = self.param("noun_embed", normal, (classes.num_nouns, dim // 2))
            verbs, nouns = verbs[jnp.array(classes.verb_of_action)], nouns[jnp.array(classes.noun_of_action)]
            table = jnp.concatenate([verbs, nouns], axis=-1)
        else:
            table = self.param("action_embed", normal, (classes.num_classes, dim))
        return table[transcript] + sinusoidal_positions(transcript.shape[1], dim)

    def _block(self, index):
        config = self.config
        form, buckets = decoder_form(config), config.segment_buckets
        kinds = {"i": (InputBlock, form), "I": (SegmentInputBlock, buckets, form)}
        kinds |= {"u": (UpdateBlock,), "U": (TemporalBlock, buckets)}
        block, *own = kinds[config.blocks[index]]
        kept = nn.remat(block) if config.remat else block
        shared = config.block_configs[index], config.classes
        return kept(*shared, *own, dtype=config.dtype, name=f"block_{index}")


def compose(config, params, num_frames=None):
    """Composes the layers of the MS-TCN++ branches where that saves more products than it takes.

    A layer of f channels saves 3 f^2 products per frame and takes 6 f^3 to compose; with groups, its composition would
    have more taps than its parts. `num_frames` are the padded frames that one composition serves; None: many.
    """
    composed = dict(params)
    for index, block in enumerate(config.block_configs):
        pays = num_frames is None or num_frames > 2 * block.frame_dim
        if block.frame_branch == "m2" and block.frame_groups == 1 and pays:
            layers = compose_layers(params[f"block_{index}"]["frame_branch"], block.frame_layers)
            composed[f"block_{index}"] = {**params[f"block_{index}"], "frame_branch": layers}
    return composed
