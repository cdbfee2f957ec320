"""The configuration inside an ActionFormer fixture as our settings."""

import numpy as np

from fact_jax.models.actionformer.candidates import CandidateConfig
from fact_jax.models.actionformer.config import ActionFormerConfig
from fact_jax.models.actionformer.objective import ActionFormerLossConfig

BACKBONES = {"convTransformer": "transformer", "conv": "conv"}


def model_config(model) -> ActionFormerConfig:
    """Translates the published `model` node."""
    embedding, stem, branch = model["backbone_arch"]
    windows, widths, train = model["n_mha_win_size"], model["embd_dim"], model["train_cfg"]
    streams = isinstance(model["input_dim"], list)
    return ActionFormerConfig(
        num_classes=model["num_classes"],
        max_frames=model["max_seq_len"],
        backbone=BACKBONES[model["backbone_type"]],
        embedding_layers=embedding,
        stem_layers=stem,
        branch_layers=branch,
        scale_factor=model["scale_factor"],
        stream_dims=tuple(model["input_dim"]) if streams else (),
        stream_widths=tuple(widths) if streams else (),
        dim=int(np.sum(widths)),
        num_heads=model["n_head"],
        window_sizes=tuple(windows) if isinstance(windows, list) else (windows,) * (branch + 1),
        embedding_kernel=model["embd_kernel_size"],
        embedding_norm=model["embd_with_ln"],
        absolute_positions=model["use_abs_pe"],
        relative_positions=model["use_rel_pe"],
        neck=model["fpn_type"],
        neck_dim=model["fpn_dim"],
        neck_norm=model["fpn_with_ln"],
        first_level=model["fpn_start_level"],
        head_dim=model["head_dim"],
        head_layers=model["head_num_layers"],
        head_kernel=model["head_kernel_size"],
        head_norm=model["head_with_ln"],
        regression_ranges=tuple(map(tuple, model["regression_range"])),
        class_prior=train["cls_prior_prob"],
        dropout_rate=train["dropout"],
        drop_path_rate=train["droppath"],
    )


def loss_config(train) -> ActionFormerLossConfig:
    """Translates the published `train_cfg` node."""
    return ActionFormerLossConfig(
        center_radius=train["center_sample_radius"] if train["center_sample"] == "radius" else None,
        label_smoothing=train["label_smoothing"],
        regression_weight=train["loss_weight"],
        first_normalizer=train["init_loss_norm"],
    )


def candidate_config(test) -> CandidateConfig:
    """Translates the published `test_cfg` node."""
    return CandidateConfig(test["pre_nms_thresh"], test["pre_nms_topk"], test["duration_thresh"])


def optimizer_config(trajectory):
    """The optimiser of the steps in the file, as `config.optimizer`."""
    return {
        "name": "adamw",
        "learning_rate": trajectory["learning_rate"],
        "weight_decay": trajectory["weight_decay"],
        "clip_norm": trajectory["clip_grad_l2norm"],
        "momentum": 0.0,
        "schedule": "cosine",
        "warmup_epochs": trajectory["warmup_epochs"],
        "cosine_epochs": trajectory["epochs"],
        "lowest_rate": 1e-8,
        "decay_epoch": -1,
        "decay_factor": 0.1,
    }
