"""Decoding against loops: voting of the two branches, places of a transcript, verbs and nouns."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from fact_jax.models.fact.blocks import BlockOutput
from fact_jax.models.fact.decode import decode, decode_scores
from tests.models import fact_cases as cases

FRAMES, TOKENS, CLASSES, WEIGHT = 7, 5, cases.NUM_CLASSES, 0.3
PLAIN = cases.small_config(frame_weight=WEIGHT)
TRANSCRIPT = cases.small_config(frame_weight=WEIGHT, use_transcript=True)
VERB_NOUN = cases.small_config("IU", classes=cases.VERB_NOUN, frame_weight=WEIGHT)


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def frame_probs(config, logits):
    """Class probabilities of a frame; those of pairs need not sum to 1."""
    if config.classes == cases.CLASSES:
        return softmax(logits)
    pairs = zip(config.classes.verb_of_action, config.classes.noun_of_action, strict=True)
    return np.array([softmax(logits[:2])[verb] * softmax(logits[2:])[noun] for verb, noun in pairs])


def token_probs(config, logits):
    """Class probabilities of a token with "no action" last."""
    if config.classes == cases.CLASSES:
        return softmax(logits)
    verbs, nouns = softmax(logits[:3]), softmax(logits[3:])
    pairs = [*zip(config.classes.verb_of_action, config.classes.noun_of_action, strict=True), (2, 3)]
    return np.array([verbs[verb] * nouns[noun] for verb, noun in pairs])


def decode_video(config, frame_logits, action_logits, attention):
    """The published rule, one frame at a time."""
    tokens = [token_probs(config, logits) for logits in action_logits]
    kept = [m for m in range(TOKENS) if np.argmax(tokens[m]) != CLASSES]
    answer = []
    for t in range(FRAMES):
        frame = frame_probs(config, frame_logits[t])
        if not kept:
            answer.append(np.argmax(frame))
            continue
        probs = tokens[max(kept, key=lambda m: attention[t, m])][:CLASSES]
        answer.append(np.argmax((1 - WEIGHT) * probs / probs.sum() + WEIGHT * frame))
    return answer


def random_output(config, num_videos=20, seed=0):
    """NumPy (frame logits, action logits, attention) and the BlockOutput of them."""
    rng = np.random.default_rng(seed)
    frames = rng.normal(size=(num_videos, FRAMES, sum(config.classes.frame_parts))) * 2
    actions = rng.normal(size=(num_videos, TOKENS, sum(config.classes.token_parts))) * 2
    attention = rng.dirichlet(np.ones(TOKENS), size=(num_videos, FRAMES))
    for null in np.cumsum(config.classes.token_parts) - 1:
        actions[::5, :, null] = 50.0  # no token of these videos is kept
    output = BlockOutput(None, None, jnp.asarray(frames), jnp.asarray(actions), a2f_attention=jnp.asarray(attention))
    return (frames, actions, attention), output


@pytest.mark.parametrize("config", [PLAIN, VERB_NOUN], ids=["plain", "verb_noun"])
def test_decoding_follows_the_rule(config):
    arrays, output = random_output(config)
    found = decode(config, output)
    for video, values in enumerate(zip(*arrays, strict=True)):
        np.testing.assert_array_equal(found["labels"][video], decode_video(config, *values))
    frames = [[np.argmax(frame_probs(config, logits)) for logits in video] for video in arrays[0]]
    np.testing.assert_array_equal(found["frame_labels"], frames)
    np.testing.assert_array_equal(found["action_labels"][::5], found["frame_labels"][::5])


@pytest.mark.parametrize("config", [PLAIN, VERB_NOUN], ids=["plain", "verb_noun"])
def test_soft_votes_are_those_of_all_tokens(config):
    (frames, actions, attention), output = random_output(config)
    found = decode_scores(dataclasses.replace(config, soft_vote=True), output)
    for video in range(len(frames)):
        tokens = np.array([token_probs(config, logits)[:CLASSES] for logits in actions[video]])
        votes = attention[video] @ tokens
        branch = np.array([frame_probs(config, logits) for logits in frames[video]])
        votes += (1 - votes.sum(axis=1, keepdims=True)) * branch
        fused = (1 - WEIGHT) * votes + WEIGHT * branch
        fused /= fused.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found["probabilities"][video], fused, atol=1e-5)
        np.testing.assert_array_equal(found["action_labels"][video], np.argmax(votes, axis=1))


def test_soft_votes_of_tokens_without_any_class_leave_it_to_the_frames():
    _, output = random_output(PLAIN)
    output = output._replace(action_logits=output.action_logits.at[:1, :, -1].set(1e4))
    found = decode(dataclasses.replace(PLAIN, soft_vote=True), output)
    for name in ("labels", "action_labels"):
        np.testing.assert_array_equal(found[name][0], found["frame_labels"][0])


def transcripts(num_videos, seed=1):
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, TOKENS + 1, num_videos)
    return rng.integers(0, CLASSES, (num_videos, TOKENS)), np.arange(TOKENS) < counts[:, None]


@pytest.mark.parametrize("weight", [0.0, WEIGHT, 1.0])
def test_transcript_decoding_follows_the_rule(weight):
    config = dataclasses.replace(TRANSCRIPT, frame_weight=weight)
    (frames, _, attention), output = random_output(config)
    transcript, mask = transcripts(len(frames))
    found = decode(config, output, transcript, mask)["labels"]
    for video in range(len(frames)):
        places = transcript[video][mask[video]]
        for t in range(FRAMES):
            scores = (1 - weight) * softmax(attention[video, t, : len(places)])
            scores = scores + weight * softmax(frames[video, t])[places]
            assert found[video, t] == places[np.argmax(scores)]


def test_transcript_decoding_of_verbs_and_nouns_takes_the_attention():
    config = dataclasses.replace(VERB_NOUN, use_transcript=True)
    (frames, _, attention), output = random_output(config)
    transcript, mask = transcripts(len(frames))
    found = decode(config, output, transcript, mask)["labels"]
    place = np.argmax(np.where(mask[:, None], attention, -1), axis=-1)
    np.testing.assert_array_equal(found, np.take_along_axis(transcript, place, axis=1))


@pytest.mark.parametrize(
    "config",
    [
        PLAIN,
        VERB_NOUN,
        TRANSCRIPT,
        dataclasses.replace(TRANSCRIPT, frame_weight=0.0),
        dataclasses.replace(VERB_NOUN, use_transcript=True),
    ],
    ids=["plain", "verb_noun", "transcript", "attention_alone", "verb_noun_transcript"],
)
def test_scores_are_probabilities_of_the_same_labels(config):
    _, output = random_output(config)
    given = transcripts(20) if config.use_transcript else ()
    found = decode_scores(config, output, *given)
    for name, labels in decode(config, output, *given).items():
        np.testing.assert_array_equal(found[name], labels)
    probabilities, confidence = np.asarray(found["probabilities"]), np.asarray(found["confidence"])
    assert probabilities.shape == (20, FRAMES, CLASSES) and np.all(probabilities >= 0)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1.0, rtol=1e-5)
    assert np.all((confidence >= 0) & (confidence <= 1 + 1e-6))
    np.testing.assert_array_equal(np.argmax(probabilities, axis=-1), found["labels"])
    np.testing.assert_array_equal(np.max(probabilities, axis=-1), confidence)
