"""The PyTorch renderings by system, with what the benchmark needs of each.

A rendering has a `network`, from features [T, D] of one video to its outputs, and the functions of `Rendering`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

from fact_jax.benchmark.torch_reference.asformer import TorchAsformer
from fact_jax.benchmark.torch_reference.fact import TorchFact
from fact_jax.benchmark.torch_reference.objective import Truth, decode, truth_of, video_loss
from fact_jax.benchmark.torch_reference.stages import TorchMSTCN, TorchMSTCNPlusPlus, stages_loss

# Networks with logits [stages, T, K]; options.MEASURED lists all systems.
STAGES = {"mstcn": TorchMSTCN, "mstcn++": TorchMSTCNPlusPlus, "asformer": TorchAsformer}


class Rendering(NamedTuple):
    """A system in PyTorch.

    Attributes:
      network: its module.
      truth: from labels int [T] and a device to what `loss` compares with.
      loss: from outputs and truth to the loss of a video.
      labels: from outputs to int [T].
      logits: from outputs to the last class logits of every frame, float [T, K].
      segments: from outputs to the numbers of predicted segments, by block over segments.
    """

    network: nn.Module
    truth: Callable[[torch.Tensor, torch.device], Any]
    loss: Callable[[Any, Any], torch.Tensor]
    labels: Callable[[Any], torch.Tensor]
    logits: Callable[[Any], torch.Tensor]
    segments: Callable[[Any], list[int]]


def render(description, feature_dim: int, num_classes: int) -> Rendering:
    """The rendering of a network.

    Args:
      description: "system", "model" and "loss" as `Ours.publish` writes them.
      feature_dim, num_classes: D and K.
    """
    model, loss = description["model"], description["loss"]
    if description["system"] in STAGES:
        return Rendering(
            network=STAGES[description["system"]](model, feature_dim),
            truth=lambda labels, device: labels.to(device),
            loss=lambda logits, labels: stages_loss(loss, logits, labels),
            labels=lambda logits: logits[-1].argmax(-1),
            logits=lambda logits: logits[-1],
            segments=lambda logits: [],
        )
    return Rendering(
        network=TorchFact(model, feature_dim),
        truth=lambda labels, device: Truth(*(tensor.to(device) for tensor in truth_of(labels, num_classes))),
        loss=lambda outputs, truth: video_loss(loss, outputs, truth),
        labels=lambda outputs: decode(outputs[-1], model["frame_weight"]),
        logits=lambda outputs: outputs[-1].frame_logits,
        segments=lambda outputs: [len(block.counts) for block in outputs if block.counts is not None],
    )
