"""FACT's matching, losses and decoding in plain eager PyTorch, for one video."""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment

from fact_jax.benchmark.torch_reference.fact import pool_mean


class Truth(NamedTuple):
    """Ground truth of a video: labels int [T]; transcript int [S]; onehot float [T, S], 1 where a frame lies in a
    segment; classes float [T, C], one-hot labels."""

    labels: torch.Tensor
    transcript: torch.Tensor
    onehot: torch.Tensor
    classes: torch.Tensor


def truth_of(labels, num_classes):
    """The Truth of labels, int [T]."""
    transcript, segment_of = torch.unique_consecutive(labels, return_inverse=True)
    return Truth(labels, transcript, F.one_hot(segment_of).float(), F.one_hot(labels, num_classes).float())


@torch.no_grad()
def match(loss, output, truth):
    """Pairs of tokens and segments, by the last block's output: two int tensors of equal length."""
    probs = output.token_logits.softmax(-1)
    cost = torch.zeros(len(probs), len(truth.transcript), device=probs.device)
    if loss["prob_cost"] > 0:
        cost -= loss["prob_cost"] * probs[:, truth.transcript]
    if loss["overlap_cost"] > 0:
        both = output.attention.t() @ truth.onehot
        # Attention is at most 1, so that min(a + b, 1) of an indicator b is b + a outside of it.
        either = output.attention.sum(0)[:, None] + truth.onehot.sum(0) - both
        cost -= loss["overlap_cost"] * torch.nan_to_num(both / either)
    tokens, segments = _assign(loss["match"], cost.cpu().numpy(), truth.transcript.cpu().numpy())
    device = probs.device
    return torch.as_tensor(tokens, device=device), torch.as_tensor(segments, device=device)


def _assign(mode, cost, transcript):
    if mode == "o2o":
        return linear_sum_assignment(cost)
    classes = np.unique(transcript)
    by_class = np.stack([cost[:, transcript == label].sum(1) for label in classes], 1)
    rows, columns = linear_sum_assignment(by_class)
    own = by_class.argmin(1)
    own[rows] = columns
    tokens, segments = [], []
    for place, label in enumerate(classes):
        members = np.flatnonzero(own == place)
        for segment in np.flatnonzero(transcript == label):
            tokens.append(members[cost[members, segment].argmin()])
            segments.append(segment)
    return np.array(tokens), np.array(segments)


def smoothness(log_probs):
    """Truncated squared change between neighbouring frames."""
    return torch.clamp((log_probs[1:] - log_probs[:-1]) ** 2, max=16.0).mean()


def video_loss(loss, outputs, truth):
    """Mean of the block losses of one video; `loss` is a FactLossConfig as a dict."""
    pairs = match(loss, outputs[-1], truth)
    weights = torch.ones(truth.classes.shape[1] + 1, device=truth.labels.device)
    weights[list(loss["background_ids"])] = loss["background_weight"]
    segment_weights = weights[truth.transcript]
    weights[-1] = loss["null_weight"]
    return sum(_block_loss(loss, output, truth, pairs, weights, segment_weights) for output in outputs) / len(outputs)


def _block_loss(loss, output, truth, pairs, weights, segment_weights):
    tokens, segments = pairs
    null = len(weights) - 1
    targets = torch.full((len(output.token_logits),), null, device=truth.labels.device)
    targets[tokens] = truth.transcript[segments]
    log_probs = output.frame_logits.log_softmax(-1)
    frame = F.nll_loss(log_probs, truth.labels, weights[:null], reduction="sum") / len(truth.labels)
    smooth = smoothness(log_probs)
    total = F.cross_entropy(output.token_logits, targets, weights)
    pooled = truth.onehot
    if output.segment_logits is not None:
        pooled = pool_mean(truth.onehot, output.segment_of, output.counts)
        fractions = pool_mean(truth.classes, output.segment_of, output.counts)
        segment = -(output.segment_logits.log_softmax(-1) * fractions * weights[:null]).sum() / len(fractions)
        frame = (frame + segment) / 2
    if output.f2a is not None:
        # As published, the weight of the j-th segment goes with the j-th pair.
        wanted = pooled[:, segments] * segment_weights[: len(segments)]
        f2a = output.f2a.index_select(0, tokens).log_softmax(-1).t()
        a2f = output.a2f.index_select(1, tokens).log_softmax(-1)
        total = total - ((f2a + a2f) * wanted).sum() / len(pooled)
        if output.segment_logits is None:
            smooth = smooth + smoothness(output.a2f.log_softmax(-1)) + smoothness(output.f2a.t().log_softmax(-1))
    return total + frame + loss["smoothing_weight"] * smooth


@torch.no_grad()
def decode(output, frame_weight):
    """Labels int [T] from the last block's output: see `fact_jax.models.fact.decode`."""
    frame_probs = output.frame_logits.softmax(-1)
    null = output.token_logits.shape[1] - 1
    kept = torch.nonzero(output.token_logits.argmax(-1) != null)[:, 0]
    if not len(kept):
        return frame_probs.argmax(-1)
    token = kept[output.attention[:, kept].argmax(-1)]
    token_probs = output.token_logits[:, :-1].softmax(-1)
    return ((1.0 - frame_weight) * token_probs[token] + frame_weight * frame_probs).argmax(-1)
