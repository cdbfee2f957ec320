"""The subject "torch": the PyTorch rendering, trained and evaluated one video at a time as the published code does."""

import json
import time
from pathlib import Path

import numpy as np
import torch

from fact_jax.benchmark import memory
from fact_jax.benchmark.workers import available_cores
from fact_jax.benchmark.torch_systems import render
from fact_jax.benchmark.workload import MadeVideos, Workload

LOADED_BYTES = memory.peak()


class TorchSubject:
    """Answers the requests of `workers.serve`."""

    def __init__(self, workload: Workload, folder):
        torch.set_num_threads(available_cores())
        torch.manual_seed(0)
        self._workload, self._folder = workload, Path(folder)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def prepare(self, lengths, training=True, evaluation=True, eval_batch=None):
        """Reads the network from the folder and makes the videos; evaluates them one by one in any case."""
        del evaluation, eval_batch
        description = json.loads((self._folder / "network.json").read_text(encoding="utf-8"))
        self._rendering = render(description, self._workload.feature_dim, self._workload.num_classes)
        source = MadeVideos(self._workload.with_lengths(lengths))
        self._videos = []
        for video in map(source.__getitem__, range(len(source))):
            truth = self._rendering.truth(torch.from_numpy(video.labels).long(), self._device)
            self._videos.append((torch.from_numpy(video.features).to(self._device), truth))
        self.network = self._rendering.network
        with np.load(self._folder / "weights.npz") as weights:
            self.network.load_state_dict({name: torch.from_numpy(weights[name]) for name in weights})
        self.network.to(self._device)
        self._settings = description["optimizer"]
        self._optimizer = make_optimizer(self._settings, self.network.parameters()) if training else None
        return {"device": str(self._device), "threads": torch.get_num_threads()}

    def train(self):
        """Seconds of one training step: all videos forward, one backward, clipping, update."""
        start = self._clock()
        self.network.train()
        self._optimizer.zero_grad()
        losses = [self._rendering.loss(self.network(features), truth) for features, truth in self._videos]
        torch.stack(losses).mean().backward()
        if self._settings["clip_norm"] > 0:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self._settings["clip_norm"])
        self._optimizer.step()
        return self._clock() - start

    @torch.no_grad()
    def evaluate(self):
        """Seconds to label all videos."""
        start = self._clock()
        self.network.eval()
        for features, _ in self._videos:
            outputs = self.network(features)
            self._rendering.labels(outputs).cpu()
        return self._clock() - start

    @torch.no_grad()
    def inspect(self):
        """Writes labels and last frame logits of every video to torch.npz; returns what `Ours.inspect` does."""
        results, segments = {}, {}
        for phase in ("train", "evaluate"):
            self.network.train(phase == "train")
            outputs = [self.network(features) for features, _ in self._videos]
            segments[phase] = list(map(self._rendering.segments, outputs))
        for place, video in enumerate(outputs):
            results[f"labels{place}"] = self._rendering.labels(video).cpu().numpy()
            results[f"logits{place}"] = self._rendering.logits(video).cpu().numpy()
        np.savez(self._folder / "torch.npz", **results)
        return segments

    def ceiling(self, size, repeats):
        """Largest measured operations per second of a product of two square float32 matrices."""
        a, best = torch.ones(size, size, device=self._device), float("inf")
        a @ a
        for _ in range(repeats):
            start = self._clock()
            a @ a
            best = min(best, self._clock() - start)
        return 2 * size**3 / best

    def peak(self, phase):
        """Peak memory in bytes of one more run of `phase`, "train" or "evaluate", after a first one."""
        getattr(self, phase)()
        memory.reset_peak()
        on_card = self._device.type == "cuda"
        if on_card:
            torch.cuda.reset_peak_memory_stats()
        getattr(self, phase)()
        on_device = torch.cuda.max_memory_allocated() if on_card else None
        return {"host": memory.peak(), "device": on_device, "libraries": LOADED_BYTES}

    def _clock(self):
        if self._device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


def make_optimizer(settings, parameters):
    """The optimiser that the settings name, with the values of `fact_jax.training.optimizers`."""
    rate, decay = settings["learning_rate"], settings["weight_decay"]
    if settings["name"] == "adam":
        return torch.optim.Adam(parameters, lr=rate, weight_decay=decay)
    return torch.optim.SGD(parameters, lr=rate, weight_decay=decay, momentum=settings["momentum"])
