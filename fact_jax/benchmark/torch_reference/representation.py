"""CARL as the subject "torch" runs it: clips of all videos in a training step, one whole video at a time to embed."""

import torch

from fact_jax.benchmark.made_clips import MadeChunks, MadeClips
from fact_jax.benchmark.torch_reference.carl import TorchCarl, contrastive_loss


class WholeClips:
    """Made clips and the `network` for them; see `segmentation.SingleVideos` for the methods."""

    def __init__(self, description, workload, device):
        c, lengths, size = description["model"], workload.lengths, description["size"]
        self.network = TorchCarl(c).to(device)
        self._settings, self._device = description["loss"], device
        clips = MadeClips(len(lengths), description["num_views"], description["num_frames"], 1, size)
        examples = [clips.example(place) for place in range(len(lengths))]
        frames = [_channels_first(example["frames"]).unflatten(0, example["steps"].shape) for example in examples]
        self._frames = torch.cat(frames).to(device)
        self._steps, self._mask = (
            torch.cat([torch.from_numpy(example[name]) for example in examples]).to(device)
            for name in ("steps", "mask")
        )
        lengths = [int(example["length"]) for example in examples for _ in range(description["num_views"])]
        self._lengths = torch.tensor(lengths, device=device)
        self._videos = MadeChunks(workload.lengths, 1, size)
        self._whole = None

    def loss(self):
        """The loss of the batch."""
        embeddings = self.network(self._frames, self._mask, project=True)
        return contrastive_loss(self._settings, embeddings, self._steps, self._lengths, self._mask)

    def trunk(self):
        """Feature maps of the frozen backbone of the frames of a training step, in its chunks."""
        return self.network.frozen(self._frames)

    def predict(self):
        """Embeddings of every video."""
        if self._whole is None:  # made here, as a training step has no need of them
            chunks = [self._videos.example(place)["frames"] for place in range(len(self._videos.video_ids))]
            self._whole = [_channels_first(frames)[None].to(self._device) for frames in chunks]
        return [self.network(frames)[0] for frames in self._whole]

    def inspect(self):
        """As that of `ours_representation`; the network is in evaluation."""
        arrays = {f"embeddings{place}": found.cpu().numpy() for place, found in enumerate(self.predict())}
        none = [[]] * len(arrays)
        return arrays, {"train": none, "evaluate": none}


def _channels_first(frames):
    return torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous()
