"""Networks of segmentation as the subject "torch" runs them: one video at a time, as the published codes do."""

import torch

from fact_jax.benchmark.torch_reference.systems import render
from fact_jax.benchmark.workload import MadeVideos


class SingleVideos:
    """Made videos with a label per frame and the network for them.

    Attributes:
      network: its module.
    """

    def __init__(self, description, workload, device):
        """
        Args:
          description: what `Ours.publish` wrote.
          workload: the videos.
          device: where they and the network go.
        """
        self._rendering = render(description, workload.feature_dim, workload.num_classes)
        self.network = self._rendering.network.to(device)
        self._videos = []
        source = MadeVideos(workload)
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
        """As `SegmentationMaterial.inspect`; the network is left in evaluation."""
        arrays, segments = {}, {}
        for phase in ("train", "evaluate"):
            self.network.train(phase == "train")
            outputs = [self.network(features) for features, _ in self._videos]
            segments[phase] = list(map(self._rendering.segments, outputs))
        for place, video in enumerate(outputs):
            arrays[f"labels{place}"] = self._rendering.labels(video).cpu().numpy()
            arrays[f"logits{place}"] = self._rendering.logits(video).cpu().numpy()
        return arrays, segments
