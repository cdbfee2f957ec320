"""ActionFormer in plain eager PyTorch, to measure against: padded batches, as its authors' code works.

Parameters have the names of the published state dict. Features are [B, channels, T] and masks bool [B, 1, T].
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

MASKED = -1e4  # added to the logits of keys that are padding


class MaskedConv1D(nn.Module):
    """A convolution whose output is masked; its input is taken as it is."""

    def __init__(self, inputs, outputs, taps, stride=1, groups=1, bias=True):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, taps, stride, taps // 2, groups=groups, bias=bias)
        self.stride = stride

    def forward(self, x, mask):
        mask = mask[..., :: self.stride]
        return self.conv(x) * mask, mask


class ChannelNorm(nn.Module):
    """LayerNorm over the channels, padding included."""

    def __init__(self, dim):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(1, dim, 1)), nn.Parameter(torch.zeros(1, dim, 1))

    def forward(self, x):
        x = x - x.mean(1, keepdim=True)
        return x / torch.sqrt((x**2).mean(1, keepdim=True) + 1e-5) * self.weight + self.bias


class AffineDropPath(nn.Module):
    """Scales channels; in training leaves out whole videos."""

    def __init__(self, dim, rate):
        super().__init__()
        self.scale, self.rate = nn.Parameter(torch.full((1, dim, 1), 1e-4)), rate

    def forward(self, x):
        x = x * self.scale
        if not self.training:
            return x
        return x / (1 - self.rate) * (torch.rand(len(x), 1, 1, device=x.device) >= self.rate)


def band_attention(query, key, value, mask, reach, distances=None):
    """Attention of every frame to those at most `reach` away, in blocks of `reach` queries beside 3 `reach` keys.

    Args:
      query, key, value: [B, H, T, E], as the result; the query is scaled.
      mask: bool [B, 1, T].
      reach: frames.
      distances: [H, 2 reach + 1], added to the logits.
    """
    length, rest = query.shape[2], -query.shape[2] % reach
    query = F.pad(query, (0, 0, 0, rest)).unfold(2, reach, reach)
    key, value = (F.pad(part, (0, 0, reach, reach + rest)).unfold(2, 3 * reach, reach) for part in (key, value))
    valid_queries = F.pad(mask, (0, rest)).unfold(2, reach, reach)
    valid_keys = F.pad(mask, (reach, reach + rest)).unfold(2, 3 * reach, reach)
    logits = torch.einsum("bhweq,bhwek->bhwqk", query, key)
    steps = torch.arange(3 * reach, device=mask.device)
    places = steps[None] - steps[:reach, None]
    if distances is not None:
        logits = logits + distances[:, None, places.clamp(0, 2 * reach)]
    logits = logits + MASKED * ~valid_keys[..., None, :]
    logits = logits.masked_fill((places < 0) | (places > 2 * reach), -torch.inf)
    weights = logits.softmax(-1) * valid_queries[..., None]
    return torch.einsum("bhwqk,bhwek->bhwqe", weights, value).flatten(2, 3)[:, :, :length]


class Attention(nn.Module):
    """Multi-head attention behind depthwise convolutions, local with a window of more than one frame."""

    def __init__(self, c, window, stride):
        super().__init__()
        dim, taps = c["dim"], 3 if stride == 1 else stride + 1
        self.num_heads, self.window, self.rel_pe = c["num_heads"], window, None
        if c["relative_positions"] and window > 1:
            self.rel_pe = nn.Parameter(torch.zeros(1, 1, self.num_heads, window))
        self.query_conv, self.key_conv, self.value_conv = (
            MaskedConv1D(dim, dim, taps, stride, groups=dim, bias=False) for _ in range(3)
        )
        self.query_norm, self.key_norm, self.value_norm = (ChannelNorm(dim) for _ in range(3))
        self.query, self.key, self.value, self.proj = (nn.Conv1d(dim, dim, 1) for _ in range(4))
        self.dropout = nn.Dropout(c["dropout_rate"])

    def forward(self, x, mask):
        query, short = self.query_conv(x, mask)
        query = self._heads(self.query(self.query_norm(query)))
        key = self._heads(self.key(self.key_norm(self.key_conv(x, mask)[0])))
        value = self._heads(self.value(self.value_norm(self.value_conv(x, mask)[0])))
        query = query / math.sqrt(query.shape[-1])
        if self.window > 1:
            distances = None if self.rel_pe is None else self.rel_pe[0, 0]
            mixed = band_attention(query, key, value, short, self.window // 2, distances)
        else:
            logits = (query @ key.transpose(2, 3)).masked_fill(~short[:, :, None], -torch.inf)
            mixed = logits.softmax(-1) @ (value * short[..., None])
        mixed = mixed.transpose(2, 3).flatten(1, 2)
        return self.dropout(self.proj(mixed)) * short, short

    def _heads(self, x):
        """[B, D, T] -> [B, H, T, D / H]."""
        return x.unflatten(1, (self.num_heads, -1)).transpose(2, 3)


class TransformerBlock(nn.Module):
    """Attention and feed-forward layers around skips."""

    def __init__(self, c, window, stride):
        super().__init__()
        dim, drop = c["dim"], c["dropout_rate"]
        self.ln1, self.ln2 = ChannelNorm(dim), ChannelNorm(dim)
        self.attn = Attention(c, window, stride)
        self.pool = nn.Identity() if stride == 1 else nn.MaxPool1d(stride + 1, stride, (stride + 1) // 2)
        self.mlp = nn.Sequential(
            nn.Conv1d(dim, 4 * dim, 1), nn.GELU(), nn.Dropout(drop), nn.Conv1d(4 * dim, dim, 1), nn.Dropout(drop)
        )
        self.drop_path_attn, self.drop_path_mlp = (
            AffineDropPath(dim, c["drop_path_rate"]) if c["drop_path_rate"] > 0 else nn.Identity() for _ in range(2)
        )

    def forward(self, x, mask):
        y, short = self.attn(self.ln1(x), mask)
        x = self.pool(x) * short + self.drop_path_attn(y)
        return x + self.drop_path_mlp(self.mlp(self.ln2(x)) * short), short


class ConvBlock(nn.Module):
    """Two convolutions around a skip."""

    def __init__(self, c, window, stride):
        super().__init__()
        del window
        dim = c["dim"]
        self.conv1, self.conv2 = MaskedConv1D(dim, 2 * dim, 3, stride), MaskedConv1D(2 * dim, dim, 3)
        self.downsample = MaskedConv1D(dim, dim, 1, stride) if stride > 1 else None

    def forward(self, x, mask):
        y, short = self.conv1(x, mask)
        y, _ = self.conv2(F.relu(y), short)
        return F.relu(y + (x if self.downsample is None else self.downsample(x, mask)[0])), short


class Backbone(nn.Module):
    """From features to the levels of a pyramid."""

    def __init__(self, c, feature_dim):
        super().__init__()
        dim, streams = c["dim"], list(c["stream_dims"])
        self.streams, self.max_frames = streams, c["max_frames"]
        if streams:
            pairs = zip(streams, c["stream_widths"], strict=True)
            self.proj = nn.ModuleList([MaskedConv1D(inputs, width, 1) for inputs, width in pairs])
        inputs = [dim if streams else feature_dim] + [dim] * (c["embedding_layers"] - 1)
        taps, norm = c["embedding_kernel"], c["embedding_norm"]
        self.embd = nn.ModuleList([MaskedConv1D(width, dim, taps, bias=not norm) for width in inputs])
        self.embd_norm = nn.ModuleList([ChannelNorm(dim) if norm else nn.Identity() for _ in inputs])
        transformer = c["backbone"] == "transformer"
        block = TransformerBlock if transformer else ConvBlock
        windows, scale = c["window_sizes"], c["scale_factor"]
        self.stem = nn.ModuleList([block(c, windows[0], 1) for _ in range(c["stem_layers"])])
        self.branch = nn.ModuleList([block(c, windows[1 + level], scale) for level in range(c["branch_layers"])])
        table = positions(self.max_frames, dim) if c["absolute_positions"] and transformer else None
        self.register_buffer("table", table, persistent=False)

    def forward(self, x, mask):
        if self.streams:
            parts = zip(self.proj, x.split(self.streams, 1), strict=True)
            x = torch.cat([project(part, mask)[0] for project, part in parts], 1)
        for conv, norm in zip(self.embd, self.embd_norm, strict=True):
            x = F.relu(norm(conv(x, mask)[0]))
        if self.table is not None:
            table = self.table
            if x.shape[2] > self.max_frames:
                table = F.interpolate(table, x.shape[2], mode="linear", align_corners=False)
            x = x + table * mask
        for block in self.stem:
            x, mask = block(x, mask)
        levels = [(x, mask)]
        for block in self.branch:
            levels.append(block(*levels[-1]))
        return levels


def positions(num_frames, dim):
    """Sinusoids divided by sqrt(dim): float32 [1, dim, num_frames]."""
    channel = torch.arange(dim, dtype=torch.float64)[:, None]
    angle = torch.arange(num_frames, dtype=torch.float64) / 10000 ** (2 * (channel // 2) / dim)
    return (torch.where(channel % 2 == 0, angle.sin(), angle.cos()).float() / math.sqrt(dim))[None]


class Neck(nn.Module):
    """A norm for every level, after adding coarser levels to finer ones in an "fpn"."""

    def __init__(self, c):
        super().__init__()
        levels, norm, width = range(c["first_level"], c["branch_layers"] + 1), c["neck_norm"], c["neck_dim"]
        self.pyramid, self.scale, self.first = c["neck"] == "fpn", c["scale_factor"], c["first_level"]
        if self.pyramid:
            self.lateral_convs = nn.ModuleList([MaskedConv1D(c["dim"], width, 1, bias=not norm) for _ in levels])
            self.fpn_convs = nn.ModuleList([MaskedConv1D(width, width, 3, groups=width, bias=not norm) for _ in levels])
        self.fpn_norms = nn.ModuleList([ChannelNorm(width) if norm else nn.Identity() for _ in levels])

    def forward(self, levels):
        features, masks = zip(*levels[self.first :], strict=True)
        if self.pyramid:
            sides = [conv(x, mask)[0] for conv, x, mask in zip(self.lateral_convs, features, masks, strict=True)]
            for level in range(len(sides) - 1, 0, -1):
                sides[level - 1] = sides[level - 1] + F.interpolate(sides[level], scale_factor=self.scale)
            features = [conv(x, mask)[0] for conv, x, mask in zip(self.fpn_convs, sides, masks, strict=True)]
        return [(norm(x), mask) for norm, x, mask in zip(self.fpn_norms, features, masks, strict=True)]


class Head(nn.Module):
    """Convolutions with norm and ReLU, and a last one with the name that it has in the state dict: [B, outputs, T]."""

    def __init__(self, c, last, outputs):
        super().__init__()
        taps, norm, layers = c["head_kernel"], c["head_norm"], c["head_layers"] - 1
        inputs = [c["neck_dim"], *[c["head_dim"]] * layers]
        self.head = nn.ModuleList([MaskedConv1D(width, c["head_dim"], taps, bias=not norm) for width in inputs[:-1]])
        self.norm = nn.ModuleList([ChannelNorm(c["head_dim"]) if norm else nn.Identity() for _ in range(layers)])
        self.last = last
        self.add_module(last, MaskedConv1D(inputs[-1], outputs, taps))

    def forward(self, levels):
        return [self._level(x, mask) for x, mask in levels]

    def _level(self, x, mask):
        for conv, norm in zip(self.head, self.norm, strict=True):
            x = F.relu(norm(conv(x, mask)[0]))
        return getattr(self, self.last)(x, mask)[0]


class OffsetHead(Head):
    """Distances to start and end in strides, with a learned factor for every level: [B, 2, T]."""

    def __init__(self, c):
        super().__init__(c, "offset_head", 2)
        levels = range(c["first_level"], c["branch_layers"] + 1)
        self.scale = nn.ModuleList([nn.ParameterDict({"scale": nn.Parameter(torch.ones(()))}) for _ in levels])

    def forward(self, levels):
        return [F.relu(x * own["scale"]) for own, x in zip(self.scale, super().forward(levels), strict=True)]


class Level(NamedTuple):
    """What the network gives on one level: logits [B, T, C], offsets [B, T, 2] in strides, mask bool [B, T]."""

    logits: torch.Tensor
    offsets: torch.Tensor
    mask: torch.Tensor


class TorchActionFormer(nn.Module):
    """The whole network, `c` as a dict: features [B, D, T] and mask bool [B, 1, T] to Levels, fine to coarse."""

    def __init__(self, c, feature_dim):
        super().__init__()
        self.backbone, self.neck = Backbone(c, feature_dim), Neck(c)
        self.cls_head, self.reg_head = Head(c, "cls_head", c["num_classes"]), OffsetHead(c)

    def forward(self, x, mask):
        levels = self.neck(self.backbone(x, mask))
        outputs = zip(self.cls_head(levels), self.reg_head(levels), levels, strict=True)
        return [Level(logits.mT, offsets.mT, mask[:, 0]) for logits, offsets, (_, mask) in outputs]
