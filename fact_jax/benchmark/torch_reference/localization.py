"""ActionFormer as the subject "torch" runs it: a padded batch to train on, one video at a time to find actions in."""

import torch

from fact_jax.benchmark.torch_reference import localization_objective as objective
from fact_jax.benchmark.torch_reference.actionformer import TorchActionFormer
from fact_jax.benchmark.workload import MadeActions
from fact_jax.models.actionformer.config import ActionFormerConfig
from fact_jax.ops.nms import NmsConfig, suppress


class PaddedVideos:
    """Made videos with actions and the `network` for them; see `segmentation.SingleVideos` for the methods.

    Suppression of candidates and the way to seconds are ours: the published code has a compiled extension for them.
    """

    def __init__(self, description, workload, device):
        self._c = c = description["model"]
        self.network = TorchActionFormer(c, workload.feature_dim).to(device)
        self._objective = objective.Objective(c, description["loss"])
        self._candidates, self._nms = description["candidates"], NmsConfig(**description["nms"])
        place = (description["feature_stride"], description["window"])
        source, longest = MadeActions(workload, *place), c["max_frames"]
        padded_length = ActionFormerConfig(**c).padded_length
        self._times = list(zip(source.grids, source.durations, strict=True))
        padded = enumerate(map(padded_length, workload.lengths))
        self._videos = [_padded([source[index]], length, device) for index, length in padded]
        train_source = MadeActions(workload.cut_to(longest), *place)
        videos = [train_source[index] for index in range(len(train_source))]
        self._batch = _padded(videos, longest, device)
        self._truth = [
            tuple(torch.from_numpy(part).to(device) for part in (video.segments, video.labels)) for video in videos
        ]

    def loss(self):
        """The loss of the batch."""
        return self._objective(self.network(*self._batch), self._truth)

    def predict(self):
        """Detections of every video in seconds."""
        return [self._detect(self.network(*video), place)[1] for place, video in enumerate(self._videos)]

    def inspect(self):
        """As that of `ours_localization`; the network is in evaluation."""
        arrays, found = {}, []
        for place, video in enumerate(self._videos):
            levels = self.network(*video)
            mask = torch.cat([level.mask for level in levels], 1)
            logits, offsets = (torch.cat(parts, 1)[mask].cpu().numpy() for parts in list(zip(*levels, strict=True))[:2])
            arrays |= {f"logits{place}": logits, f"offsets{place}": offsets, f"labels{place}": logits.argmax(-1)}
            candidates, detections = self._detect(levels, place)
            found.append([len(candidates.scores), len(detections.scores)])
        none = [[]] * len(found)
        return arrays, {"train": none, "evaluate": none, "detections": found}

    def _detect(self, levels, place):
        """(candidates, detections in seconds) of a video."""
        candidates = objective.candidates(self._c, self._candidates, levels)
        detections = suppress(candidates, self._nms)
        grid, duration = self._times[place]
        return candidates, detections._replace(segments=grid.clamp_seconds(detections.segments, duration))


def _padded(videos, length, device):
    """(features [B, D, T], mask bool [B, 1, T]) of videos."""
    features = torch.zeros(len(videos), videos[0].features.shape[1], length)
    mask = torch.zeros(len(videos), 1, length, dtype=torch.bool)
    for row, video in enumerate(videos):
        features[row, :, : len(video.features)] = torch.from_numpy(video.features).mT
        mask[row, :, : len(video.features)] = True
    return features.to(device), mask.to(device)
