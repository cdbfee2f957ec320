"""CAST as the subjects "torch" and "fused" run it: mixed clips in a training step, one at a time in an evaluation."""

import numpy as np
import torch
from torch.nn import functional

from fact_jax.benchmark.made_clips import MadeLabelledClips
from fact_jax.benchmark.torch_reference.cast import TorchCast


class LabelledClips:
    """Made clips and the `network` for them; see `segmentation.SingleVideos` for the methods."""

    fused = False  # attention

    def __init__(self, description, workload, device):
        self.network = TorchCast(description["model"], self.fused).to(device)
        self._settings, self._counts = description["loss"], description["num_classes"]
        count, sizes = len(workload.lengths), (description["num_frames"], description["size"])
        made = MadeLabelledClips(count, *sizes, self._counts)
        examples = [made.example(place) for place in range(count)]
        frames = np.stack([np.moveaxis(example["frames"], -1, 0) for example in examples])
        self._clips = torch.from_numpy(frames).to(device)
        labels = torch.from_numpy(np.stack([example["labels"] for example in examples])).long().to(device)
        self._targets = [self._smoothed(labels[:, head], classes) for head, classes in enumerate(self._counts)]
        self._draws = np.random.default_rng(0)

    def _smoothed(self, labels, classes):
        share = self._settings["smoothing"] / classes
        return share + (1.0 - self._settings["smoothing"]) * functional.one_hot(labels, classes).float()

    def loss(self):
        """The loss of the batch, whose clips are mixed in pairs as often as the settings say."""
        mixes = self._draws.random() < self._settings["probability"]
        weight = self._draws.beta(self._settings["alpha"], self._settings["alpha"]) if mixes else 1.0
        clips, *targets = (weight * part + (1.0 - weight) * part.flip(0) for part in (self._clips, *self._targets))
        found = self.network(clips)
        terms = (
            -(target * logits.log_softmax(-1)).sum(-1).mean() for logits, target in zip(found, targets, strict=True)
        )
        return sum(terms)

    def predict(self):
        """Logits of every clip, of nouns and verbs one behind the other."""
        return [torch.cat(self.network(clip[None]), dim=-1)[0] for clip in self._clips]

    def inspect(self):
        """As that of `ours_recognition`; the network is in evaluation."""
        arrays = {f"logits{place}": found.cpu().numpy() for place, found in enumerate(self.predict())}
        none = [[]] * len(arrays)
        return arrays, {"train": none, "evaluate": none}


class FusedLabelledClips(LabelledClips):
    """The same with PyTorch's fused attention."""

    fused = True
