"""Networks of segmentation as the subject "torch" runs them: one video at a time, as the published codes do."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

from fact_jax.benchmark.torch_reference.asformer import TorchAsformer
from fact_jax.benchmark.torch_reference.fact import TorchFact
from fact_jax.benchmark.torch_reference.objective import Truth, decode, truth_of, video_loss
from fact_jax.benchmark.torch_reference.stages import TorchMSTCN, TorchMSTCNPlusPlus, stages_loss
from fact_jax.benchmark.workload import MadeVideos

# Networks with logits [stages, T, K].
STAGES = {"mstcn": TorchMSTCN, "mstcn++": TorchMSTCNPlusPlus, "asformer": TorchAsformer}


class Rendering(NamedTuple):
    """A system in PyTorch."""

    network: nn.Module  # from features [T, D] of one video to its outputs
    truth: Callable[[torch.Tensor, torch.device], Any]  # from labels int [T] to what `loss` compares with
    loss: Callable[[Any, Any], torch.Tensor]  # of a video, from outputs and truth
    labels: Callable[[Any], torch.Tensor]  # from outputs to int [T]
    logits: Callable[[Any], torch.Tensor]  # the last class logits of every frame, float [T, K]
    segments: Callable[[Any], list[int]]  # numbers of predicted segments, by block over segments


def render(description, feature_dim: int, num_classes: int) -> Rendering:
    """The rendering of a network with "system", "model" and "loss" as `Ours.publish` writes them, D and K."""
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


class SingleVideos:
    """Made videos with a label per frame and the `network` for them."""

    def __init__(self, description, workload, device):
        """Args: `description`, what `Ours.publish` wrote; `workload`, the videos; `device`, where all goes."""
        self._rendering = render(description, workload.feature_dim, workload.num_classes)
        self.network = self._rendering.network.to(device)
        source = MadeVideos(workload)
        self._videos = []
        for video in map(source.__getitem__, range(len(source))):
            truth = self._rendering.truth(torch.from_numpy(video.labels).long(), device)
            self._videos.append((torch.from_numpy(video.features).to(device), truth))

    def loss(self):
        """Mean loss of all videos."""
        losses = [self._rendering.loss(self.network(features), truth) for features, truth in self._videos]
        return torch.stack(losses).mean()

    def predict(self):
        """Labels of every video."""
        return [self._rendering.labels(self.network(features)).cpu() for features, _ in self._videos]

    def inspect(self):
        """As that of `ours_segmentation`; the network is left in evaluation."""
        arrays, segments = {}, {}
        for phase in ("train", "evaluate"):
            self.network.train(phase == "train")
            outputs = [self.network(features) for features, _ in self._videos]
            segments[phase] = list(map(self._rendering.segments, outputs))
        for number, video in enumerate(outputs):
            arrays[f"labels{number}"] = self._rendering.labels(video).cpu().numpy()
            arrays[f"logits{number}"] = self._rendering.logits(video).cpu().numpy()
        return arrays, segments
