"""Voting of the two branches, against loops."""

import jax.numpy as jnp
import numpy as np

from fact_jax.models.fact.decode import decode
from fact_jax.models.fact.outputs import BlockOutput

FRAMES, TOKENS, CLASSES, WEIGHT = 7, 5, 4, 0.3


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def decode_video(frame_logits, action_logits, attention, token_mask):
    """The rule of spec section 3, one frame at a time."""
    kept = [m for m in range(TOKENS) if token_mask[m] and np.argmax(action_logits[m]) != CLASSES]
    answer = []
    for t in range(FRAMES):
        frame = softmax(frame_logits[t])
        if not kept:
            answer.append(np.argmax(frame))
            continue
        token = max(kept, key=lambda m: attention[t, m])
        answer.append(np.argmax((1 - WEIGHT) * softmax(action_logits[token][:CLASSES]) + WEIGHT * frame))
    return answer


def test_decoding_follows_the_rule():
    rng = np.random.default_rng(0)
    num_videos = 20
    frame_logits = rng.normal(size=(num_videos, FRAMES, CLASSES)) * 2
    action_logits = rng.normal(size=(num_videos, TOKENS, CLASSES + 1)) * 2
    action_logits[::5, :, CLASSES] = 50.0  # no token of these videos is kept
    attention = rng.dirichlet(np.ones(TOKENS), size=(num_videos, FRAMES))
    token_mask = rng.random((num_videos, TOKENS)) < 0.8
    logits = jnp.asarray(frame_logits), jnp.asarray(action_logits)
    output = BlockOutput(None, None, *logits, a2f_attention=jnp.asarray(attention))
    found = decode(output, jnp.asarray(token_mask), WEIGHT)
    for video in range(num_videos):
        expected = decode_video(frame_logits[video], action_logits[video], attention[video], token_mask[video])
        np.testing.assert_array_equal(found["labels"][video], expected)
    np.testing.assert_array_equal(found["frame_labels"], np.argmax(frame_logits, axis=-1))
    np.testing.assert_array_equal(found["action_labels"][::5], found["frame_labels"][::5])
