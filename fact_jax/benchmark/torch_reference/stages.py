"""MS-TCN and MS-TCN++ in plain eager PyTorch, to measure against: one video at a time, as their authors' code works.

Parameters have the names of the published state dicts.
"""

import torch
import torch.nn.functional as F
from torch import nn

from fact_jax.benchmark.torch_reference.fact import MSTCN, MSTCN2


def _stage(model, num_layers):
    """Settings of a stage as those of a frame branch."""
    frame = {"frame_dim": model["dim"], "frame_layers": num_layers, "frame_groups": 1, "frame_norm": False}
    return frame | {"dropout_rate": model["dropout_rate"], "hidden_dim": model["num_classes"]}


def _refine(logits, stages):
    """Logits [stages, T, K]: each stage reads the probabilities of the one before it."""
    outputs = [logits]
    for stage in stages:
        outputs.append(stage(outputs[-1].softmax(-1)))
    return torch.stack(outputs)


class TorchMSTCN(nn.Module):
    """The whole network, `model` an MSTCNConfig as a dict: features [T, D] of one video -> logits [stages, T, K]."""

    def __init__(self, model, feature_dim):
        super().__init__()
        c = _stage(model, model["num_layers"])
        self.stage1 = MSTCN(c, feature_dim)
        self.stages = nn.ModuleList([MSTCN(c, model["num_classes"]) for _ in range(model["num_stages"] - 1)])

    def forward(self, x):
        return _refine(self.stage1(x), self.stages)


class TorchMSTCNPlusPlus(nn.Module):
    """As `TorchMSTCN`, of MS-TCN++; refinements that share their parameters are one module."""

    def __init__(self, model, feature_dim):
        super().__init__()
        self.PG = MSTCN2(_stage(model, model["num_layers"]), feature_dim, last_dropout=True)
        c, count = _stage(model, model["num_refinement_layers"]), model["num_refinements"]
        own = 1 if model["share_refinements"] and count else count
        stages = [MSTCN(c, model["num_classes"]) for _ in range(own)]
        self.Rs = nn.ModuleList(stages * count if own < count else stages)

    def forward(self, x):
        return _refine(self.PG(x), self.Rs)


def stages_loss(loss, logits, labels):
    """Cross-entropy and smoothness of all stages, summed, of logits [stages, T, K] and labels int [T]."""
    total = 0.0
    for stage in logits:
        log_probs = stage.log_softmax(-1)
        change = torch.clamp((log_probs[1:] - log_probs[:-1].detach()) ** 2, max=loss["smoothing_clip"] ** 2)
        total = total + F.nll_loss(log_probs, labels) + loss["smoothing_weight"] * change.mean()
    return total
