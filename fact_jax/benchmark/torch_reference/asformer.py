"""ASFormer and FAFormer's encoder in plain eager PyTorch, to measure against: one video at a time.

Parameters have the names of the published state dicts; features are [1, channels, frames].
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


class WindowAttention(nn.Module):
    """Attention over windows of `size` frames: disjoint, or reaching half a window to either side (`sliding`)."""

    def __init__(self, dim, query_dim, value_dim, size, windows):
        super().__init__()
        self.query_conv, self.key_conv = nn.Conv1d(dim, query_dim, 1), nn.Conv1d(dim, query_dim, 1)
        self.value_conv, self.conv_out = nn.Conv1d(dim, value_dim, 1), nn.Conv1d(value_dim, dim, 1)
        self.size, self.windows = size, windows

    def forward(self, x, source):
        """x, source: [1, dim, T] -> [1, dim, T]."""
        size, length = self.size, x.shape[2]
        query, key, value = self.query_conv(x)[0], self.key_conv(x)[0], self.value_conv(source)[0]
        rest = -length % size
        half = 0 if self.windows == "block" else size // 2
        query = F.pad(query, (0, rest)).unfold(1, size, size)
        key, value = (F.pad(part, (half, half + rest)).unfold(1, size + 2 * half, size) for part in (key, value))
        logits = torch.einsum("cwq,cwk->wqk", query, key) / math.sqrt(len(query))
        allowed = self._allowed(length, rest, half, x.device)
        if self.windows == "block":
            weights = logits.masked_fill(~allowed, -torch.inf).softmax(-1)
        else:
            allowed = allowed.to(logits.dtype)
            weights = (logits + torch.log(allowed + 1e-6)).softmax(-1) * allowed
        mixed = torch.einsum("wqk,cwk->cwq", weights, value).flatten(1)[None, :, :length]
        return self.conv_out(F.relu(mixed))

    def _allowed(self, length, rest, half, device):
        """Which keys count: bool, [windows, 1 or queries, keys]."""
        frames = F.pad(torch.ones(length, dtype=torch.bool, device=device), (half, half + rest))
        frames = frames.unfold(0, self.size + 2 * half, self.size)[:, None]
        keys = torch.arange(frames.shape[-1], device=device)
        if self.windows == "released":
            return frames & (keys < max(2 * self.size - 1, 1))
        if self.windows == "banded":
            offset = keys - torch.arange(self.size, device=device)[:, None]
            return frames & (offset >= 0) & (offset < self.size)
        return frames


class EncoderLayer(nn.Module):
    """Dilated convolution, normalisation over time, attention; residual: [1, N, T]."""

    def __init__(self, dim, query_dim, value_dim, reach, windows, scale, dropout):
        super().__init__()
        self.feed_forward = nn.Module()
        self.feed_forward.layer = nn.Sequential(nn.Conv1d(dim, dim, 3, padding=reach, dilation=reach), nn.ReLU())
        self.instance_norm = nn.InstanceNorm1d(dim)
        self.att_layer = WindowAttention(dim, query_dim, value_dim, reach, windows)
        self.conv_1x1 = nn.Conv1d(dim, dim, 1)
        self.dropout = nn.Dropout(dropout)
        self.scale = scale

    def forward(self, x, source=None):
        y = self.feed_forward.layer(x)
        normalised = self.instance_norm(y)
        attended = self.att_layer(normalised, normalised if source is None else source)
        return x + self.dropout(self.conv_1x1(self.scale * attended + y))


class Encoder(nn.Module):
    """Input map and layers: [1, D, T] -> [1, N, T]."""

    def __init__(self, input_dim, dim, num_layers, query_dim, value_dim, windows, scale, channel_dropout, dropout=0.5):
        super().__init__()
        self.conv_1x1 = nn.Conv1d(input_dim, dim, 1)
        self.layers = nn.ModuleList(
            [EncoderLayer(dim, query_dim, value_dim, 2**layer, windows, scale, dropout) for layer in range(num_layers)]
        )
        self.channel_dropout = nn.Dropout1d(channel_dropout)

    def forward(self, x, source=None):
        x = self.conv_1x1(self.channel_dropout(x))
        for layer in self.layers:
            x = layer(x, source)
        return x


class EncoderBranch(nn.Module):
    """FAFormer's frame branch "t": [T, D] -> [T, h]."""

    def __init__(self, c, input_dim=None):
        super().__init__()
        dim, rate = c["encoder_dim"], c["encoder_channel_dropout_rate"]
        width, inputs = dim // c["encoder_reduction"], input_dim or c["frame_dim"]
        self.encoder = Encoder(inputs, dim, c["encoder_layers"], width, width, "block", c["encoder_attention"], rate)
        self.conv_out = nn.Conv1d(dim, c["hidden_dim"], 1)

    def forward(self, x):
        return self.conv_out(self.encoder(x.t()[None]))[0].t()


class Stage(Encoder):
    """A stage of ASFormer: [1, D, T] -> logits [1, K, T] and features [1, N, T]."""

    def __init__(self, model, input_dim, scale, channel_dropout=0.0):
        dim, rates = model["dim"], (channel_dropout, model["dropout_rate"])
        widths = dim // model["query_reduction"], dim // model["value_reduction"]
        super().__init__(input_dim, dim, model["num_layers"], *widths, model["windows"], scale, *rates)
        self.conv_out = nn.Conv1d(dim, model["num_classes"], 1)

    def forward(self, x, source=None):
        features = super().forward(x, source)
        return self.conv_out(features), features


class TorchAsformer(nn.Module):
    """The whole network, `model` an ASFormerConfig as a dict: features [T, D] -> logits [stages, T, K]."""

    def __init__(self, model, feature_dim):
        super().__init__()
        self.encoder = Stage(model, feature_dim, 1.0, model["channel_dropout_rate"])
        scales = [math.exp(-3.0 * decoder) for decoder in range(model["num_decoders"])]
        self.decoders = nn.ModuleList([Stage(model, model["num_classes"], scale) for scale in scales])

    def forward(self, x):
        logits, features = self.encoder(x.t()[None])
        stages = [logits]
        for decoder in self.decoders:
            logits, features = decoder(logits.softmax(1), features)
            stages.append(logits)
        return torch.cat(stages).transpose(1, 2)
