"""The whole network: padding, batching and segment buckets change no number; parameters start as PyTorch's do."""

import dataclasses
import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import fact_breakfast, fact_egoprocel, fact_epic, fact_gtea, fact_gtea_transcript, faformer_gtea
from fact_jax.layers.factored import Whole
from fact_jax.models.fact import config as fact_config
from fact_jax.models.fact.blocks import TemporalBlock
from fact_jax.models.fact.classes import PlainClasses, VerbNounClasses
from fact_jax.models.fact.network import Fact, compose
from fact_jax.models.fact.objective import FactLossConfig, fact_loss, ground_truth_of
from fact_jax.models.fact.segment_update import BlockInput
from fact_jax.ops.dropout_rng import video_seeds
from tests.models import fact_cases as cases

SIZE = 16
LOSS = FactLossConfig(match="o2o", background_weight=0.5, null_weight=0.2, smoothing_weight=2.0, background_ids=(0,))


def objective(config, params, batch, dropout_rng):
    """Returns (losses [B], outputs) of a batch."""
    transcript = (jnp.asarray(batch["segment_labels"]), jnp.asarray(batch["segment_mask"]))
    tokens, token_mask = (None, None), jnp.ones((len(batch["mask"]), config.num_tokens), bool)
    if config.use_transcript:
        tokens, token_mask = transcript, transcript[1]
    outputs = Fact(config).apply({"params": params}, batch["features"], batch["mask"], dropout_rng, *tokens)
    ground_truth = ground_truth_of(batch["labels"], jnp.asarray(batch["mask"]), *transcript)
    return fact_loss(LOSS, config.classes, outputs, ground_truth, token_mask)[0], outputs


LEARNED = cases.small_config(
    "iuU",
    update_branch="m2",
    dropout_rate=0.3,
    segment_buckets=(2,),
    frame_positions=True,
    channel_dropout_rate=0.2,
    time_mask=fact_config.TimeMaskConfig(2, 4, 0.5),
)
# So many channels that products with 16 frames are made of fewer (fact_jax/layers/factored.py), with 12 not.
WIDE = cases.small_config("iuU", dropout_rate=0.3, hidden_dim=40)
TRANSCRIPT = cases.small_config("iuU", action_branch="gru_om", dropout_rate=0.3, use_transcript=True)
VERB_NOUN = cases.small_config("IU", classes=cases.VERB_NOUN, dropout_rate=0.3, frame_positions=True)
FAFORMER = cases.small_config(
    "iU",
    "t",
    faformer=True,
    dropout_rate=0.3,
    segment_buckets=(2,),
    channel_dropout_rate=0.2,
    frame_positions=True,
    time_mask=fact_config.TimeMaskConfig(2, 4, 0.5),
)
FAFORMER_TRANSCRIPT = cases.small_config("iuU", "t", faformer=True, dropout_rate=0.3, use_transcript=True)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((LEARNED, (12, 1), 2e-6), id="learned"),
        pytest.param((WIDE, (12, 9), 4e-6), id="wide", marks=pytest.mark.slow),
        pytest.param((TRANSCRIPT, (12, 3), 2e-6), id="transcript", marks=pytest.mark.slow),
        pytest.param((VERB_NOUN, (12, 3), 2e-6), id="verb_noun", marks=pytest.mark.slow),
        pytest.param((FAFORMER, (12, 1), 2e-6), id="faformer", marks=pytest.mark.slow),
        pytest.param((FAFORMER_TRANSCRIPT, (12, 3), 2e-6), id="faformer_transcript", marks=pytest.mark.slow),
    ],
)
def padded_and_alone(request):
    """Of the padded batch: gradients, losses and outputs; the same of every video alone; tolerance of the outputs."""
    config, lengths, tolerance = request.param
    params = cases.init_params(config)
    batch = cases.ragged_batch(lengths, SIZE)
    dropout_rng = video_seeds(jax.random.key(3), batch["row"])

    @jax.jit
    def run(params, batch, dropout_rng):
        def total(params):
            losses, outputs = objective(config, params, batch, dropout_rng)
            return jnp.sum(losses), (losses, outputs)

        return jax.grad(total, has_aux=True)(params)

    together = run(params, batch, dropout_rng)
    alone = [
        run(params, cases.one_video(batch, row, length), dropout_rng[row : row + 1])
        for row, length in enumerate(lengths)
    ]
    return together, alone, tolerance


def test_padding_changes_no_output(padded_and_alone):
    (_, (_, together)), alone, tolerance = padded_and_alone
    for row, (_, (_, single)) in enumerate(alone):
        num_tokens = single[-1].action_features.shape[1]
        for block, expected in zip(together, single, strict=True):
            for name in ("frames.value", "frame_logits", "a2f_attention"):
                read = operator.attrgetter(name)
                if read(block) is not None:
                    wanted = read(expected)[0]
                    found = read(block)[row, : wanted.shape[0], : wanted.shape[1]]
                    np.testing.assert_allclose(found, wanted, atol=tolerance, err_msg=name)
            found = block.action_features[row, :num_tokens]
            np.testing.assert_allclose(found, expected.action_features[0], atol=tolerance)
            if block.segments is not None:
                count = int(expected.segments.segmentation.count[0])
                assert int(block.segments.segmentation.count[row]) == count
                np.testing.assert_allclose(
                    block.segments.logits[row, :count], expected.segments.logits[0, :count], atol=tolerance
                )
                if block.f2a_logits is not None:
                    pairs = [(block.f2a_logits[row].T, expected.f2a_logits[0].T)]
                    pairs.append((block.a2f_logits[row], expected.a2f_logits[0]))
                    for found, wanted in pairs:
                        np.testing.assert_allclose(found[:count, :num_tokens], wanted[:count], atol=tolerance)


def test_padding_changes_no_loss(padded_and_alone):
    (_, (losses, _)), alone, _ = padded_and_alone
    np.testing.assert_allclose(losses, [single[1][0][0] for single in alone], rtol=2e-6)


def test_padding_changes_no_gradient(padded_and_alone):
    (together, _), alone, _ = padded_and_alone
    summed = jax.tree.map(lambda *leaves: sum(leaves), *[gradients for gradients, _ in alone])
    for (path, expected), found in zip(jax.tree.leaves_with_path(summed), jax.tree.leaves(together), strict=True):
        assert np.all(np.isfinite(found))
        np.testing.assert_allclose(found, expected, atol=2e-5, rtol=1e-5, err_msg=jax.tree_util.keystr(path))


@pytest.mark.slow
def test_composed_weights_and_recomputed_blocks_change_no_number():
    lengths = (12, 5)
    plain = cases.small_config("iuU", "m2", dropout_rate=0.3)
    batch, params = cases.ragged_batch(lengths, SIZE), cases.init_params(plain)
    dropout_rng = video_seeds(jax.random.key(3), batch["row"])

    def run(config, composed):
        def total(params):
            weights = compose(config, params) if composed else params
            return jnp.sum(objective(config, weights, batch, dropout_rng)[0])

        return jax.jit(jax.value_and_grad(total))(params)

    assert "composed_0" in compose(plain, params)["block_2"]["frame_branch"]
    assert "composed_0" not in compose(plain, params, num_frames=12)["block_2"]["frame_branch"]
    expected, gradients = run(plain, False)
    for config, composed in ((plain, True), (dataclasses.replace(plain, remat=True), False)):
        found, leaves = run(config, composed)
        np.testing.assert_allclose(found, expected, rtol=2e-6)
        for leaf, wanted in zip(jax.tree.leaves(leaves), jax.tree.leaves(gradients), strict=True):
            np.testing.assert_allclose(leaf, wanted, atol=2e-5, rtol=1e-4)


def test_without_positions_all_learned_tokens_are_equal():
    plain = cases.small_config("iu", "t", faformer=True, frame_positions=True)
    params, batch = cases.init_params(plain), cases.ragged_batch((9,), 9)

    @functools.partial(jax.jit, static_argnums=0)
    def tokens(config, params):
        outputs = Fact(config).apply({"params": params}, batch["features"], batch["mask"])
        return jnp.sum(jnp.sin(outputs[-1].action_features[0])), outputs[-1].action_features[0]

    gradient = jax.jit(jax.grad(tokens, argnums=1, has_aux=True), static_argnums=0)
    gradients, without = gradient(dataclasses.replace(plain, ignore_positions=True), params)
    np.testing.assert_allclose(without, np.broadcast_to(without[:1], without.shape), atol=1e-6)
    assert not np.any(gradients["action_query"])
    gradients, with_positions = gradient(plain, params)
    assert np.ptp(with_positions, axis=0).max() > 1e-3 and np.any(gradients["action_query"])


@pytest.mark.slow
def test_products_in_bfloat16_stay_near_the_exact_ones():
    plain = cases.small_config("iu", "m2")
    batch, params = cases.ragged_batch((12,), 12), cases.init_params(plain)
    exact, rounded = (
        objective(config, params, batch, None)[0] for config in (plain, dataclasses.replace(plain, dtype="bfloat16"))
    )
    assert rounded.dtype == jnp.float32
    np.testing.assert_allclose(rounded, exact, rtol=0.03)
    assert np.all(rounded != exact)


NUM_FRAMES = 20


@pytest.fixture(scope="module")
def temporal_block():
    """(parameters, apply with every segment bucket, apply with T only) of one "U" block."""
    config = cases.small_config("iU").block_configs[1]
    exact = TemporalBlock(config, cases.CLASSES, ())
    bucketed = TemporalBlock(config, cases.CLASSES, (2, 10, 64))
    given = BlockInput(
        Whole(jnp.zeros((2, NUM_FRAMES, 8))),
        jnp.ones((2, NUM_FRAMES), bool),
        jnp.zeros((2, 6, 8)),
        jnp.ones((2, 6), bool),
        jnp.ones((1, 6, 4)),
        None,
        None,
    )
    shapes, same = (jax.eval_shape(block.init, jax.random.key(0), given) for block in (exact, bucketed))
    assert jax.tree.structure(shapes) == jax.tree.structure(same)
    params = cases.drawn(shapes)

    def value_and_gradient(block, params, frames, mask, actions):
        def total(params, frames):
            output = block.apply(params, given._replace(frames=Whole(frames), mask=mask, actions=actions))
            segments = jnp.where(output.segments.mask[..., None], output.segments.logits, 0.0)
            valid = (output.frame_logits * mask[..., None], output.action_logits, segments)
            return sum(jnp.sum(jnp.sin(x)) for x in valid), output

        return jax.value_and_grad(total, argnums=(0, 1), has_aux=True)(params, frames)

    return params, *(jax.jit(functools.partial(value_and_gradient, block)) for block in (bucketed, exact))


@pytest.mark.parametrize("num_segments", [1, 2, 3, 6, 10, 11, 19, NUM_FRAMES])
def test_any_number_of_predicted_segments_is_exact(temporal_block, num_segments):
    params, bucketed, exact = temporal_block
    rng = np.random.default_rng(num_segments)
    classes = np.minimum(np.arange(NUM_FRAMES), num_segments - 1) % 2
    features = rng.normal(size=(2, NUM_FRAMES, 8)).astype(np.float32)
    features[0, :, 4:] = 2.0 * np.eye(4)[classes]
    features[1, :, 4:] = np.eye(4)[0]
    mask = np.arange(NUM_FRAMES) < np.array([[NUM_FRAMES], [3]])
    actions = rng.normal(size=(2, 6, 8)).astype(np.float32)
    found, expected = (step(params, features, mask, actions) for step in (bucketed, exact))
    assert found[0][1].segments.segmentation.count.tolist() == [num_segments, 1]
    valid = np.arange(NUM_FRAMES) < num_segments
    np.testing.assert_allclose(
        found[0][1].segments.logits[0][valid], expected[0][1].segments.logits[0][valid], atol=1e-6
    )
    np.testing.assert_allclose(found[0][1].frames.value, expected[0][1].frames.value, atol=1e-6)
    for leaf, wanted in zip(jax.tree.leaves(found[1][0]), jax.tree.leaves(expected[1][0]), strict=True):
        np.testing.assert_allclose(leaf, wanted, atol=2e-5, rtol=1e-5)


def test_training_noise_is_a_function_of_the_seed():
    config = cases.small_config("iu", dropout_rate=0.5)
    params, batch = cases.init_params(config), cases.ragged_batch((9,), 9)
    apply = jax.jit(
        lambda dropout_rng: Fact(config).apply({"params": params}, batch["features"], batch["mask"], dropout_rng)[-1]
    )
    first, again, other = (apply(video_seeds(jax.random.key(seed), batch["row"])).frame_logits for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


# Parameter counts of the published configurations (of FAFormer its repaired code).
COUNTS = {
    faformer_gtea: 9_480_384,
    fact_breakfast: 119_458_304,
    fact_gtea: 10_418_176,
    fact_egoprocel: 40_972_544,
    fact_epic: 43_626_240,
    fact_gtea_transcript: 8_533_760,
}


@pytest.mark.parametrize("module", COUNTS, ids=lambda module: module.__name__)
def test_parameter_count_is_the_published_one(module):
    classes = VerbNounClasses(98, 301, (0, 97), (0, 300)) if module is fact_epic else PlainClasses(11)
    network = Fact(fact_config.from_settings(module.get_config().model, classes, "float32"))
    tokens = (jnp.zeros((1, 3), int), jnp.ones((1, 3), bool)) if network.config.use_transcript else ()
    inputs = (jnp.zeros((1, 4, 2048)), jnp.ones((1, 4), bool), None, *tokens)
    shapes = jax.eval_shape(network.init, jax.random.key(0), *inputs)
    assert sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes)) == COUNTS[module]


def test_parameters_start_as_in_pytorch():
    config = cases.small_config("iU")
    features, mask = jax.ShapeDtypeStruct((1, 4, 50), jnp.float32), jax.ShapeDtypeStruct((1, 4), bool)

    def draw(key):
        params = Fact(config).lazy_init(key, features, mask)["params"]
        first = params["block_0"]
        return (
            first["action_branch"]["layers"],
            first["frame_branch"]["input"]["kernel"],
            params["block_1"]["segment_update"]["gru"],
            params["action_query"],
        )

    layers, kernel, gru, query = jax.jit(draw)(jax.random.key(0))
    for leaf in jax.tree.leaves(layers):
        np.testing.assert_array_equal(leaf[0], leaf[1])  # published layers are copies of one layer
    assert 0.95 / np.sqrt(50) < np.abs(kernel).max() <= 1 / np.sqrt(50)
    for leaf in jax.tree.leaves(gru):
        assert 0.8 / np.sqrt(4) < np.abs(leaf).max() <= 1 / np.sqrt(4)
    assert np.abs(np.std(query) - 1) < 0.5
