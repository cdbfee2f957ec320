"""MS-TCN and MS-TCN++ in plain eager PyTorch, to measure against: one video at a time, as their authors' code works.

Parameters have the names of the published state dicts.
"""

import torch
import torch.nn.functional as F
from torch import nn

from fact_jax.benchmark.torch_reference.fact import MSTCN, MSTCN2


def _stage(model, num_layers):
    """Settings of a stage as those of a frame branch."""
    return {
        "frame_dim": model["dim"],
        "frame_layers": num_layers,
        "frame_groups": 1,
        "frame_norm": False,
        "dropout_rate": model["dropout_rate"],
        "hidden_dim": model["num_classes"],
    }


class TorchMSTCN(nn.Module):
    """The whole network: features [T, D] of one video -> logits [stages, T, K].

    Args:
      model: fact_jax.models.mstcn.model.MSTCN as a dict (`dataclasses.asdict`).
      feature_dim: D.
    """

    def __init__(self, model, feature_dim):
        super().__init__()
        c = _stage(model, model["num_layers"])
        self.stage1 = MSTCN(c, feature_dim)
        self.stages = nn.ModuleList([MSTCN(c, model["num_classes"]) for _ in range(model["num_stages"] - 1)])

    def forward(self, x):
        outputs = [self.stage1(x)]
        for stage in self.stages:
            outputs.append(stage(outputs[-1].softmax(-1)))
        return torch.stack(outputs)


class TorchMSTCNPlusPlus(nn.Module):
    """As `TorchMSTCN`, of MS-TCN++; refinements that share their parameters are one module."""

    def __init__(self, model, feature_dim):
        super().__init__()
        self.PG = MSTCN2(_stage(model, model["num_layers"]), feature_dim, last_dropout=True)
        c = _stage(model, model["num_refinement_layers"])
        count = model["num_refinements"]
        if model["share_refinements"] and count:
            self.Rs = nn.ModuleList([MSTCN(c, model["num_classes"])] * count)
        else:
            self.Rs = nn.ModuleList([MSTCN(c, model["num_classes"]) for _ in range(count)])

    def forward(self, x):
        outputs = [self.PG(x)]
        for refinement in self.Rs:
            outputs.append(refinement(outputs[-1].softmax(-1)))
        return torch.stack(outputs)


def stages_loss(loss, logits, labels):
    """Cross-entropy and smoothness of all stages, summed.

    Args:
      loss: StageLossConfig as a dict.
      logits: float [stages, T, K].
      labels: int [T].
    """
    total = 0.0
    for stage in logits:
        log_probs = stage.log_softmax(-1)
        change = torch.clamp((log_probs[1:] - log_probs[:-1].detach()) ** 2, max=loss["smoothing_clip"] ** 2)
        total = total + F.nll_loss(log_probs, labels) + loss["smoothing_weight"] * change.mean()
    return total
