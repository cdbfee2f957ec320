"""CAST in PyTorch as the published code runs it: eager, both experts in lock step, adapters and exchange trained.

Parameters have the published names. Sizes are those of a `CASTConfig` as a dict, with both experts. Attention writes
out all of its weights, as published, or with `fused` uses PyTorch's own.

Source: Lee et al., CAST: Cross-Attention in Space and Time for Video Action Recognition, NeurIPS 2023.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

TUBELET = 2
TRAINED = ("cross", "time_pos", "space_pos", "Adapter", "ln_post", "vmae_fc_norm", "head")


def attend(q, k, v, fused):
    """[..., H, L, d] of all three; scaled by 1 / sqrt(d)."""
    if fused:
        return functional.scaled_dot_product_attention(q, k, v)
    weights = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    return weights.softmax(dim=-1) @ v


def heads(x, count):
    """[B, L, D] to [B, H, L, d]."""
    return x.unflatten(-1, (count, -1)).transpose(1, 2)


class QuickGELU(nn.Module):
    """CLIP's activation."""

    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Adapter(nn.Module):
    """Two maps with a GELU between them, with or without a residual."""

    def __init__(self, dim, ratio, skip):
        super().__init__()
        self.skip, self.act = skip, nn.GELU()
        self.D_fc1, self.D_fc2 = nn.Linear(dim, dim // ratio), nn.Linear(dim // ratio, dim)

    def forward(self, x):
        y = self.D_fc2(self.act(self.D_fc1(x)))
        return x + y if self.skip else y


class ClipAttention(nn.Module):
    """Attention of packed projections with biases."""

    def __init__(self, dim, num_heads, fused):
        super().__init__()
        self.num_heads, self.fused = num_heads, fused
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = nn.Linear(dim, dim)

    def forward(self, x):
        """[L, N, D], tokens first."""
        qkv = functional.linear(x, self.in_proj_weight, self.in_proj_bias).transpose(0, 1).chunk(3, dim=-1)
        y = attend(*(heads(part, self.num_heads) for part in qkv), self.fused)
        return self.out_proj(y.transpose(1, 2).flatten(2).transpose(0, 1))


class VideoMAEAttention(nn.Module):
    """Attention without a bias of the keys."""

    def __init__(self, dim, num_heads, fused):
        super().__init__()
        self.num_heads, self.fused = num_heads, fused
        self.qkv, self.proj = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim)
        self.q_bias, self.v_bias = nn.Parameter(torch.zeros(dim)), nn.Parameter(torch.zeros(dim))

    def forward(self, x):
        """[B, L, D]."""
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        qkv = functional.linear(x, self.qkv.weight, bias).chunk(3, dim=-1)
        return self.proj(attend(*(heads(part, self.num_heads) for part in qkv), self.fused).transpose(1, 2).flatten(2))


class Cross(nn.Module):
    """Attention of one expert's narrow tokens to the other's; `kind` is "t2s" or "s2t"."""

    def __init__(self, dim, num_heads, kind, slots, fused):
        super().__init__()
        self.num_heads, self.fused, self.kind = num_heads, fused, kind
        self.axis = {"t2s": "time", "s2t": "space"}[kind]
        for expert in ("clip", "vmae"):
            setattr(self, f"{expert}_{self.axis}_pos", nn.Parameter(torch.randn(slots, dim)))
        for ending, size in (("q", dim), ("kv", 2 * dim)):
            setattr(self, f"{kind}_{ending}", nn.Linear(dim, size, bias=False))
            setattr(self, f"{kind}_{ending}_bias", nn.Parameter(torch.zeros(size)))
        self.t2s_proj = nn.Linear(dim, dim)

    def forward(self, query, key):
        """[N, slots, d] of both."""
        experts = ("clip", "vmae") if self.kind == "t2s" else ("vmae", "clip")
        query, key = (
            x + getattr(self, f"{expert}_{self.axis}_pos") for x, expert in zip((query, key), experts, strict=True)
        )
        q, kv = (
            functional.linear(x, getattr(self, f"{self.kind}_{end}").weight, getattr(self, f"{self.kind}_{end}_bias"))
            for x, end in ((query, "q"), (key, "kv"))
        )
        y = attend(*(heads(part, self.num_heads) for part in (q, *kv.chunk(2, dim=-1))), self.fused)
        return self.t2s_proj(y.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """The feed-forward layer of VideoMAE."""

    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1, self.act, self.fc2 = nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Module):
    """A block of both experts."""

    def __init__(self, c, rate, fused):
        super().__init__()
        dim, count, hidden = c["dim"], c["num_heads"], c["dim"] * c["mlp_ratio"]
        narrow, self.rate = dim // c["down_ratio"], rate
        slots, patches = c["num_frames"] // TUBELET, (c["image_size"] // c["patch_size"]) ** 2
        self.clip_ln_1, self.clip_attn = nn.LayerNorm(dim), ClipAttention(dim, count, fused)
        self.norm1, self.attn = nn.LayerNorm(dim, eps=1e-6), VideoMAEAttention(dim, count, fused)
        for stream in ("s", "t"):
            setattr(self, f"{stream.upper()}_Adapter", Adapter(dim, c["adapter_ratio"], skip=True))
            setattr(self, f"{stream.upper()}_MLP_Adapter", Adapter(dim, c["adapter_ratio"], skip=False))
            setattr(self, f"cross_{stream}_down", nn.Linear(dim, narrow))
            setattr(self, f"ln_{stream}_cross", nn.LayerNorm(narrow, eps=1e-6))
            setattr(self, f"cross_{stream}_up", nn.Linear(narrow, dim))
        self.t2s_cross = Cross(narrow, count, "t2s", slots, fused)
        self.s2t_cross = Cross(narrow, count, "s2t", patches, fused)
        self.act = nn.GELU()
        self.clip_ln_2, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim, eps=1e-6)
        parts = {"c_fc": nn.Linear(dim, hidden), "gelu": QuickGELU(), "c_proj": nn.Linear(hidden, dim)}
        self.clip_mlp, self.mlp = nn.Sequential(), Mlp(dim, hidden)
        for name, part in parts.items():
            self.clip_mlp.add_module(name, part)

    def _drop(self, x):
        """Drops entries of the first axis in training."""
        if self.rate == 0.0 or not self.training:
            return x
        keep = torch.rand(len(x), *(1,) * (x.dim() - 1), device=x.device) >= self.rate
        return x * keep / (1.0 - self.rate)

    def forward(self, s, t):
        """[1 + P, B F, D] and [B, F P, D]."""
        s = s + self.S_Adapter(self.clip_attn(self.clip_ln_1(s)))
        t = t + self.T_Adapter(self.attn(self.norm1(t)))
        to_s, to_t = self._exchange(self.ln_s_cross(self.cross_s_down(s)), self.ln_t_cross(self.cross_t_down(t)))
        s = s + self._drop(self.cross_s_up(self.act(to_s)))
        t = t + self._drop(self.cross_t_up(self.act(to_t)))
        u, v = self.clip_ln_2(s), self.norm2(t)
        s = s + self.clip_mlp(u) + self._drop(0.5 * self.S_MLP_Adapter(u))
        return s, t + self.mlp(v) + self._drop(0.5 * self.T_MLP_Adapter(v))

    def _exchange(self, s, t):
        slots, batch = self.t2s_cross.clip_time_pos.shape[0], len(t)
        patches = s[1:].unflatten(1, (batch, slots))  # [P, B, F, d]
        tubes = t.unflatten(1, (slots, -1))  # [B, F, P, d]
        by_place = patches.transpose(0, 1).flatten(0, 1), tubes.transpose(1, 2).flatten(0, 1)
        to_s = self.t2s_cross(*by_place).unflatten(0, (batch, -1)).transpose(0, 1).flatten(1, 2)
        by_frame = tubes.flatten(0, 1), patches.permute(1, 2, 0, 3).flatten(0, 1)
        to_t = self.s2t_cross(*by_frame).unflatten(0, (batch, slots)).flatten(1, 2)
        return torch.cat([s[:1], to_s]), to_t


class PatchEmbed(nn.Module):
    """VideoMAE's patches."""

    def __init__(self, dim, size):
        super().__init__()
        box = (TUBELET, size, size)
        self.proj = nn.Conv3d(3, dim, box, box)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class TorchCast(nn.Module):
    """Logits of clips: a list, of one classifier or of nouns and verbs."""

    def __init__(self, c, fused=False):
        """`c`: settings of a `CASTConfig`; `fused`: PyTorch's own attention."""
        super().__init__()
        dim, size = c["dim"], c["patch_size"]
        patches, slots = (c["image_size"] // size) ** 2, c["num_frames"] // TUBELET
        self.clip_class_embedding = nn.Parameter(torch.randn(dim))
        self.clip_positional_embedding = nn.Parameter(torch.randn(1 + patches, dim))
        self.patch_embed = PatchEmbed(dim, size)
        self.clip_conv1 = nn.Conv2d(3, dim, size, size, bias=False)
        self.clip_ln_pre = nn.LayerNorm(dim)
        rates = np.linspace(0.0, c["drop_path"], c["num_layers"])
        self.blocks = nn.ModuleList(Block(c, rate, fused) for rate in rates)
        self.clip_ln_post, self.vmae_fc_norm = nn.LayerNorm(dim), nn.LayerNorm(dim, eps=1e-6)
        self._fuses = len(c["num_classes"]) == 1
        if self._fuses:
            self.noun_last_Adapter, self.verb_last_Adapter = (Adapter(dim, c["adapter_ratio"], False) for _ in "nv")
            self.head = nn.Linear(dim, c["num_classes"][0])
        else:
            nouns, verbs = c["num_classes"]
            self.head_verb, self.head_noun = nn.Linear(dim, verbs), nn.Linear(dim, nouns)
        self._positions = _sinusoids(slots * patches, dim)
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(any(part in name for part in TRAINED))

    def forward(self, clips):
        """Clips [B, 3, T, H, W] are normalised."""
        frames = clips[:, :, 1::2].transpose(1, 2).flatten(0, 1)
        s = self.clip_conv1(frames).flatten(2).permute(2, 0, 1)
        s = torch.cat([self.clip_class_embedding.expand(1, s.shape[1], -1), s])
        s = self.clip_ln_pre(s + self.clip_positional_embedding[:, None])
        t = self.patch_embed(clips) + self._positions.to(clips)
        for block in self.blocks:
            s, t = block(s, t)
        space = self.clip_ln_post(s[0].unflatten(0, (len(clips), -1)).mean(1))
        time = self.vmae_fc_norm(t.mean(1))
        if self._fuses:
            return [self.head(self.noun_last_Adapter(space) + self.verb_last_Adapter(time))]
        return [self.head_noun(space), self.head_verb(time)]


def _sinusoids(count, dim):
    places, channels = torch.arange(count, dtype=torch.float64), torch.arange(dim)
    angles = places[:, None] / 10000 ** (2 * (channels // 2).double() / dim)
    return torch.where(channels % 2 == 0, angles.sin(), angles.cos()).float()
