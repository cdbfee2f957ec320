"""FACT and FAFormer in plain eager PyTorch, to measure against: one video at a time, as the published code works.

Parameters have the names of the published state dict. Learned action tokens and plain classes only; frames, tokens and
segments are [length, channels] without a batch axis. Source: published models/blocks.py of FACT and models_faformer/.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from fact_jax.benchmark.torch_reference.asformer import EncoderBranch


class BlockOutput(NamedTuple):
    """What a block hands on and what its losses need; class probabilities end the channels of frames and tokens."""

    frames: torch.Tensor  # [T, h]
    tokens: torch.Tensor  # [M, h]
    frame_logits: torch.Tensor  # [T, C]
    token_logits: torch.Tensor  # [M, C+1]
    f2a: torch.Tensor | None = None  # of update blocks: logits [M, T or P]
    a2f: torch.Tensor | None = None  # of update blocks: logits [T or P, M]
    attention: torch.Tensor | None = None  # of update blocks: [T, M]
    segment_logits: torch.Tensor | None = None  # of "U" blocks, as what follows: [P, C]
    segment_of: torch.Tensor | None = None  # [T], the segment of every frame
    counts: torch.Tensor | None = None  # [P], frames of every segment


def sinusoids(rows, width, device):
    """Positional table of the published code, float [rows, width]."""
    place = torch.arange(rows, device=device, dtype=torch.float32)[:, None]
    frequency = torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(10000.0) / width))
    return torch.stack([torch.sin(place * frequency), torch.cos(place * frequency)], dim=-1).flatten(1)


def add_positions(x, positions):
    """Adds positions to the first channels of x; None adds nothing."""
    return x if positions is None else x + F.pad(positions, (0, x.shape[-1] - positions.shape[-1]))


def read_classes(x, channels):
    """Turns the last channels into probabilities; returns (features, logits)."""
    logits = x[:, -channels:]
    return torch.cat([x[:, :-channels], logits.softmax(-1)], -1), logits


def pool_mean(x, segment_of, counts):
    """Mean of x [T, K] over every segment: [P, K]."""
    sums = torch.zeros(len(counts), x.shape[1], dtype=x.dtype, device=x.device).index_add_(0, segment_of, x)
    return sums / counts[:, None]


class MSTCNLayer(nn.Module):
    """Dilated residual layer of MS-TCN, [1, f, T]."""

    def __init__(self, width, dilation, groups, norm, dropout):
        super().__init__()
        self.conv_dilated = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, groups=groups)
        self.conv_1x1 = nn.Conv1d(width, width, 1)
        self.norm = nn.LayerNorm(width) if norm else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        x = x + self.dropout(self.conv_1x1(F.relu(self.conv_dilated(x))))
        return x if self.norm is None else self.norm(x.transpose(1, 2)).transpose(1, 2)


class MSTCN(nn.Module):
    """Frame branch "m": [T, D] -> [T, h]."""

    def __init__(self, c, input_dim=None):
        super().__init__()
        width = c["frame_dim"]
        self.conv_1x1 = nn.Conv1d(input_dim, width, 1) if input_dim else nn.Identity()
        settings = c["frame_groups"], c["frame_norm"], c["dropout_rate"]
        self.layers = nn.Sequential(*[MSTCNLayer(width, 2**layer, *settings) for layer in range(c["frame_layers"])])
        self.conv_out = nn.Conv1d(width, c["hidden_dim"], 1)

    def forward(self, x):
        return self.conv_out(self.layers(self.conv_1x1(x.t()[None])))[0].t()


class MSTCN2(nn.Module):
    """Frame branch "m2", MS-TCN++: [T, D] -> [T, h]."""

    def __init__(self, c, input_dim=None, last_dropout=False):
        super().__init__()
        self.last_dropout = last_dropout
        width, layers, groups = c["frame_dim"], c["frame_layers"], c["frame_groups"]

        def dilated(dilation):
            return nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, groups=groups)

        self.conv_1x1_in = nn.Conv1d(input_dim, width, 1) if input_dim else nn.Identity()
        self.conv_dilated_1 = nn.ModuleList([dilated(2 ** (layers - 1 - layer)) for layer in range(layers)])
        self.conv_dilated_2 = nn.ModuleList([dilated(2**layer) for layer in range(layers)])
        self.conv_fusion = nn.ModuleList([nn.Conv1d(2 * width, width, 1) for _ in range(layers)])
        self.conv_out = nn.Conv1d(width, c["hidden_dim"], 1)
        self.dropout = nn.Dropout(c["dropout_rate"])

    def forward(self, x):
        x = self.conv_1x1_in(x.t()[None])
        last = len(self.conv_fusion) - 1
        for layer, fuse in enumerate(self.conv_fusion):
            y = torch.cat([self.conv_dilated_1[layer](x), self.conv_dilated_2[layer](x)], 1)
            y = F.relu(fuse(y))
            x = x + (y if layer == last and not self.last_dropout else self.dropout(y))
        return self.conv_out(x)[0].t()


def frame_branch(c, input_dim=None):
    """The frame branch that the settings name."""
    return {"m": MSTCN, "m2": MSTCN2, "t": EncoderBranch}[c["frame_branch"]](c, input_dim)


class TokenLayer(nn.Module):
    """Post-norm transformer layer over tokens; reads a memory if it has cross-attention (published `sca` and `sa`)."""

    def __init__(self, c, reads_memory, faformer):
        super().__init__()
        width, heads, dropout = c["action_dim"], c["action_heads"], c["dropout_rate"]
        # FAFormer leaves it at PyTorch's default where it reads a memory.
        within = 0.1 if faformer and reads_memory else dropout
        memory = c["hidden_dim"] if reads_memory else None
        self.multihead_attn = nn.MultiheadAttention(width, heads, within, kdim=memory, vdim=memory)
        if reads_memory:
            self.self_attn, self.norm3 = nn.MultiheadAttention(width, heads, within), nn.LayerNorm(width)
        self.linear1, self.linear2 = nn.Linear(width, c["action_ff_dim"]), nn.Linear(c["action_ff_dim"], width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.reads_memory = reads_memory

    def forward(self, x, positions, key=None, memory=None):
        own = self.self_attn if self.reads_memory else self.multihead_attn
        place = add_positions(x, positions)
        x = self.norm1(x + self.dropout(own(place, place, x)[0]))
        last = self.norm2
        if self.reads_memory:
            query = add_positions(x, positions)
            x = self.norm2(x + self.dropout(self.multihead_attn(query, key, memory)[0]))
            last = self.norm3
        return last(x + self.dropout(self.linear2(self.dropout(F.relu(self.linear1(x))))))


class ActionBranch(nn.Module):
    """Decoder over tokens: [M, a] -> [M, h]."""

    def __init__(self, c, faformer=False):
        super().__init__()
        reads_memory = c["action_branch"] == "sca"
        self.layers = nn.ModuleList([TokenLayer(c, reads_memory, faformer) for _ in range(c["action_layers"])])
        self.norm = nn.LayerNorm(c["action_dim"]) if reads_memory and not faformer else None
        self.out_linear = nn.Linear(c["action_dim"], c["hidden_dim"])

    def forward(self, x, positions, key=None, memory=None):
        for layer in self.layers:
            x = layer(x, positions, key, memory)
        return self.out_linear(x if self.norm is None else self.norm(x))


class CrossAttention(nn.Module):
    """Every element of Y gathers from X (published `X2Y`); returns (output, logits [Y, X], attention [Y, X])."""

    def __init__(self, width, out, dropout):
        super().__init__()
        self.X_K, self.X_V, self.Y_Q = (nn.Linear(width, width) for _ in range(3))
        self.Y_W = nn.Linear(2 * width, out)
        self.dropout = nn.Dropout(dropout)
        self.scale = 1.0 / math.sqrt(width)

    def forward(self, x, y, x_positions, y_positions):
        query = self.Y_Q(add_positions(y, y_positions)) * self.scale
        logits = query @ self.X_K(add_positions(x, x_positions)).t()
        attention = logits.softmax(-1)
        return self.Y_W(self.dropout(torch.cat([y, attention @ self.X_V(x)], -1))), logits, attention


class InputBlock(nn.Module):
    """Block "i"."""

    def __init__(self, c, num_classes, input_dim, faformer):
        super().__init__()
        self.frame_branch, self.action_branch = frame_branch(c, input_dim), ActionBranch(c, faformer)
        self.num_classes = num_classes

    def forward(self, x, tokens, positions, frame_positions):
        frames, frame_logits = read_classes(self.frame_branch(x), self.num_classes)
        tokens = self.action_branch(tokens, positions, add_positions(frames, frame_positions), frames)
        tokens, token_logits = read_classes(tokens, self.num_classes + 1)
        return BlockOutput(frames, tokens, frame_logits, token_logits)


class UpdateBlock(nn.Module):
    """Blocks "u" and "U": tokens and frames, or the segments that the frames predict, gather from each other."""

    def __init__(self, c, num_classes, over_segments):
        super().__init__()
        width = c["hidden_dim"]
        self.frame_branch, self.action_branch = frame_branch(c), ActionBranch(c)
        self.f2a_layer = CrossAttention(width, c["action_dim"], c["dropout_rate"])
        self.a2f_layer = CrossAttention(width, c["frame_dim"], c["dropout_rate"])
        if over_segments:
            self.seg_update = nn.GRU(width, width // 2, c["segment_layers"], bidirectional=True)
            self.seg_combine = nn.Linear(width, width)
            self.sf_merge = nn.Sequential(nn.Linear(width + c["frame_dim"], c["frame_dim"]), nn.ReLU())
        self.num_classes, self.over_segments = num_classes, over_segments

    def _segments(self, frames, frame_positions):
        """(features [P, h], their positions, the fields of BlockOutput about segments)."""
        labels = frames[:, -self.num_classes :].argmax(-1)
        _, segment_of, counts = torch.unique_consecutive(labels, return_inverse=True, return_counts=True)
        pooled = self.seg_update(pool_mean(frames, segment_of, counts))[0]
        source, logits = read_classes(self.seg_combine(F.relu(pooled)), self.num_classes)
        if frame_positions is not None:
            ends = counts.cumsum(0)
            frame_positions = frame_positions[(2 * ends - counts - 1) // 2]
        return source, frame_positions, {"segment_logits": logits, "segment_of": segment_of, "counts": counts}

    def forward(self, frames, tokens, positions, frame_positions):
        source, source_positions, extra = frames, frame_positions, {}
        if self.over_segments:
            source, source_positions, extra = self._segments(frames, frame_positions)
        tokens, f2a, _ = self.f2a_layer(source, tokens, source_positions, positions)
        tokens, token_logits = read_classes(self.action_branch(tokens, positions), self.num_classes + 1)
        updated, a2f, attention = self.a2f_layer(tokens, source, positions, source_positions)
        if self.over_segments:
            segment_of = extra["segment_of"]
            updated = self.sf_merge(torch.cat([updated.index_select(0, segment_of), frames], -1))
            # Read by matching and decoding alone, which carry no gradient.
            attention = attention.detach().index_select(0, segment_of)
        frames, frame_logits = read_classes(self.frame_branch(updated), self.num_classes)
        return BlockOutput(frames, tokens, frame_logits, token_logits, f2a, a2f, attention, **extra)


class TorchFact(nn.Module):
    """The whole network, `model` a FactConfig as a dict: features [T, D] of one video -> list of BlockOutput."""

    def __init__(self, model, feature_dim):
        super().__init__()
        self.model = model
        blocks, num_classes, faformer = model["block_configs"], model["classes"]["num_classes"], model["faformer"]
        self.action_query = nn.Parameter(torch.randn(model["num_tokens"], 1, blocks[0]["action_dim"]))
        input_dim = blocks[0]["hidden_dim"] if faformer else feature_dim
        self.input_proj = nn.Linear(feature_dim, input_dim) if faformer else nn.Identity()
        first = InputBlock(blocks[0], num_classes, input_dim, faformer)
        others = zip(model["blocks"][1:], blocks[1:], strict=True)
        self.block_list = nn.ModuleList([first, *(UpdateBlock(c, num_classes, letter == "U") for letter, c in others)])

    def forward(self, x):
        x = self.input_proj(x)
        if self.training:
            x = self._augment(x)
        positions, outputs, frame_positions = self.action_query[:, 0], [], None
        tokens = torch.zeros_like(positions)
        if self.model["ignore_positions"]:
            positions = None
        elif self.model["frame_positions"]:
            frame_positions = sinusoids(len(x), self.model["block_configs"][0]["hidden_dim"], x.device)
        frames = x
        for block in self.block_list:
            outputs.append(block(frames, tokens, positions, frame_positions))
            frames, tokens = outputs[-1].frames, outputs[-1].tokens
        return outputs

    def _augment(self, x):
        """Drops input channels for the whole video, then zeroes stretches of frames; x itself stays as it is."""
        rate, mask = self.model["channel_dropout_rate"], self.model["time_mask"]
        if rate > 0:
            x = x * F.dropout(torch.ones(x.shape[1], device=x.device), rate)
        if mask["count"] and rate <= 0:
            x = x.clone()
        for _ in range(mask["count"]):
            length = int(torch.randint(mask["max_frames"], ()))
            length = min(int(mask["max_fraction"] * len(x)), length)
            if length == 0:
                break
            start = int(torch.randint(len(x) - length, ()))
            x[start : start + length] = 0
        return x
