"""The subject "torch": the PyTorch rendering, trained and evaluated as the published code does."""

import copy
import json
import pkgutil
from pathlib import Path

import numpy as np
import torch
from torch import nn

from fact_jax.benchmark import memory, plain_reading
from fact_jax.benchmark.clocks import CLOCKS
from fact_jax.benchmark.kinds import kind_of
from fact_jax.benchmark.workload import Workload
from fact_jax.runtime import cores

LOADED_BYTES = memory.peak()


class TorchSubject:
    """Answers the requests of a `workers.Worker`."""

    def __init__(self, workload: Workload, folder, name="torch", clock="wall"):
        """
        Args:
          workload: classes and features.
          folder: to exchange files in.
          name: of the subject, see `BenchmarkKind.renderings`.
          clock: one of `clocks.CLOCKS`.
        """
        torch.set_num_threads(cores.available())
        torch.manual_seed(0)
        self._workload, self._folder, self._name, self._now = workload, Path(folder), name, CLOCKS[clock]
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def prepare(self, lengths, training=True, evaluation=True, eval_batch=None):
        """Reads the network from the folder and makes the videos; evaluates them one by one in any case."""
        del evaluation, eval_batch
        description = json.loads((self._folder / "network.json").read_text(encoding="utf-8"))
        make = pkgutil.resolve_name(kind_of(description["system"]).renderings[self._name])
        self._videos = make(description, self._workload.with_lengths(lengths), self._device)
        self.network = self._videos.network
        with np.load(self._folder / "weights.npz") as weights:
            self.network.load_state_dict({name: torch.from_numpy(weights[name]) for name in weights})
        self._settings = settings = description["optimizer"]
        self._optimizer = make_optimizer(settings, self.network) if training else None
        averaged = training and settings["ema_decay"] > 0
        self._average = copy.deepcopy(self.network).requires_grad_(False) if averaged else None
        return {"device": str(self._device), "threads": torch.get_num_threads()}

    def train(self):
        """Seconds of one training step: all videos forward, one backward, clipping, update, averages of the weights."""
        start = self._clock()
        self.network.train()
        self._optimizer.zero_grad()
        self._videos.loss().backward()
        if self._settings["clip_norm"] > 0:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self._settings["clip_norm"])
        self._optimizer.step()
        if self._average is not None:
            update_average(self._average, self.network, self._settings["ema_decay"])
        return self._clock() - start

    @torch.no_grad()
    def evaluate(self):
        """Seconds to label all videos, or to find their actions."""
        start = self._clock()
        self.network.eval()
        self._videos.predict()
        return self._clock() - start

    @torch.no_grad()
    def trunk(self):
        """Seconds of the frozen part of a network of raw video, on the frames of a training step."""
        start = self._clock()
        self._videos.trunk()
        return self._clock() - start

    @torch.no_grad()
    def inspect(self):
        """Writes what is compared of every video to NAME.npz; returns what `Ours.inspect` does."""
        self.network.eval()
        arrays, told = self._videos.inspect()
        np.savez(self._folder / f"{self._name}.npz", **arrays)
        return told

    @torch.no_grad()
    def extract(self, path, num_frames, per_chunk, crop):
        """Seconds by clock of a plain loop over a video: decode, pixels, network; writes its embeddings."""
        self.network.eval()
        size = json.loads((self._folder / "network.json").read_text(encoding="utf-8"))["size"]
        begin, found = {name: clock() for name, clock in CLOCKS.items()}, []
        for frames in plain_reading.chunks(Path(path), num_frames, per_chunk, size, crop):
            images = torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous()[None].to(self._device)
            found.append(self.network(images)[0].cpu().numpy())
        np.save(self._folder / f"{self._name}_rows.npy", np.concatenate(found))
        return {name: clock() - begin[name] for name, clock in CLOCKS.items()}

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
        return self._now()


def make_optimizer(settings, network):
    """The optimiser that the settings name, with the values of `fact_jax.training.optimizers`.

    With AdamW the weights of maps, convolutions among them, decay and nothing else does.
    """
    rate, decay, parameters = settings["learning_rate"], settings["weight_decay"], list(network.parameters())
    if settings["name"] == "adamw":
        weights = {module.weight for module in network.modules() if isinstance(module, (nn.Conv1d, nn.Linear))}
        others = [parameter for parameter in parameters if parameter not in weights]
        groups = [{"params": [parameter for parameter in parameters if parameter in weights], "weight_decay": decay}]
        return torch.optim.AdamW([*groups, {"params": others, "weight_decay": 0.0}], lr=rate)
    if settings["name"] == "adam":
        return torch.optim.Adam(parameters, lr=rate, weight_decay=decay)
    return torch.optim.SGD(parameters, lr=rate, weight_decay=decay, momentum=settings["momentum"])


@torch.no_grad()
def update_average(average, network, decay):
    """Moves the running averages of the weights towards those of the network; both are modules."""
    for averaged, weight in zip(average.parameters(), network.parameters(), strict=True):
        averaged.copy_(decay * averaged + (1 - decay) * weight)
