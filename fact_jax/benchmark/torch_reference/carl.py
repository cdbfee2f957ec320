"""CARL in PyTorch as the published code runs it: eager, the frozen trunk in evaluation, in chunks of time.

Parameters have the published names. Sizes are those of a `CARLConfig` as a dict, whose embedder is "transformer".

Source: Chen et al., Frame-wise Action Representations for Long Videos via Sequence Contrastive Learning, CVPR 2022.
"""

import math

import torch
from torch import nn
from torch.nn import functional

EXPANSION = 4
STRIDES = (1, 2, 2, 2)
# Stand-ins of the published loss: the distance and the weight of pairs with a frame that does not exist.
FAR, OUTSIDE, LEAST = 1e6, 1e-6, 1e-6


class Bottleneck(nn.Module):
    """Convolutions of 1, 3 and 1 pixels with normalisations and a residual; the second one has the stride."""

    def __init__(self, inputs, dim, stride):
        super().__init__()
        outputs = EXPANSION * dim
        self.conv1, self.bn1 = nn.Conv2d(inputs, dim, 1, bias=False), nn.BatchNorm2d(dim)
        self.conv2, self.bn2 = nn.Conv2d(dim, dim, 3, stride, 1, bias=False), nn.BatchNorm2d(dim)
        self.conv3, self.bn3 = nn.Conv2d(dim, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


def resnet_parts(c):
    """(modules up to the first stage, the stages) of a ResNet."""
    width = c["stem_dim"]
    stem = [nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    stages = []
    for dim, count, stride in zip(c["stage_dims"], c["stage_blocks"], STRIDES, strict=True):
        blocks = [Bottleneck(width, dim, stride)]
        width = EXPANSION * dim
        blocks += [Bottleneck(width, dim, 1) for _ in range(count - 1)]
        stages.append(nn.Sequential(*blocks))
    return [*stem, nn.MaxPool2d(3, 2, 1)], stages


class SelfAttention(nn.Module):
    """Attention of several heads; keys outside the mask count for nothing."""

    def __init__(self, dim, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.linear_Q2d, self.linear_K2d, self.linear_V2d, self.linear_d2Q = (nn.Linear(dim, dim) for _ in range(4))

    def forward(self, x, mask):
        """[B, T, D], mask [B, 1, 1, T] or None."""
        heads = (part(x) for part in (self.linear_Q2d, self.linear_K2d, self.linear_V2d))
        q, k, v = (y.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for y in heads)
        logits = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if mask is not None:
            logits = logits.masked_fill(mask == 0, -math.inf)
        return self.linear_d2Q((logits.softmax(-1) @ v).transpose(1, 2).flatten(2))


class Residual(nn.Module):
    """The normalisation before a part, and the dropout behind it."""

    def __init__(self, dim, rate):
        super().__init__()
        self.norm, self.dropout = nn.LayerNorm(dim), nn.Dropout(rate)

    def forward(self, x, part):
        return x + self.dropout(part(self.norm(x)))


class FeedForward(nn.Module):
    """Two affine maps of every frame."""

    def __init__(self, dim, inner):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, inner), nn.Linear(inner, dim)

    def forward(self, x):
        return self.fc2(functional.relu(self.fc1(x)))


class EncoderLayer(nn.Module):
    """Attention, then the map of every frame."""

    def __init__(self, c):
        super().__init__()
        dim, rate = c["hidden_dim"], c["dropout_rate"]
        self.res_layer0, self.res_layer1 = Residual(dim, rate), Residual(dim, rate)
        self.self_att, self.feed_forward = SelfAttention(dim, c["num_heads"]), FeedForward(dim, c["ff_dim"])

    def forward(self, x, mask):
        x = self.res_layer0(x, lambda y: self.self_att(y, mask))
        return self.res_layer1(x, self.feed_forward)


class Encoder(nn.Module):
    """The layers one after the other."""

    def __init__(self, c):
        super().__init__()
        self.enc_layers = nn.ModuleList(EncoderLayer(c) for _ in range(c["num_layers"]))

    def forward(self, x, mask):
        for layer in self.enc_layers:
            x = layer(x, mask)
        return x


class Embedder(nn.Module):
    """From the feature maps of the frames of a clip to its embeddings."""

    def __init__(self, c):
        super().__init__()
        self._num_frames, rate, layers = c["num_frames"], c["dropout_rate"], []
        width = EXPANSION * c["stage_dims"][-1]
        for dim in c["fc_dims"]:
            layers += [nn.Dropout(rate), nn.Linear(width, dim), nn.BatchNorm1d(dim), nn.ReLU(inplace=True)]
            width = dim
        self.fc_layers, self.video_emb = nn.Sequential(*layers), nn.Linear(width, c["hidden_dim"])
        self.dropout, self.video_encoder = nn.Dropout(rate), Encoder(c)
        self.embedding_layer = nn.Linear(c["hidden_dim"], c["embedding_dim"])

    def forward(self, x, mask):
        """[B, T, C, H, W], mask [B, 1, 1, T] or None."""
        clips = x.shape[:2]
        y = functional.adaptive_max_pool2d(x.flatten(0, 1), 1).flatten(1)
        y = self.video_emb(self.fc_layers(y)).unflatten(0, clips)
        y = self.dropout(y + self._positions(*y.shape[1:]).to(y))
        return self.embedding_layer(self.video_encoder(y, mask))

    def _positions(self, num_steps, dim):
        steps = torch.linspace(0, self._num_frames - 1, num_steps, dtype=torch.float64)
        angles = steps[:, None] / 10000 ** (torch.arange(dim, dtype=torch.float64) / dim)
        return torch.where(torch.arange(dim) % 2 == 0, angles.sin(), angles.cos())


class Projection(nn.Module):
    """The head behind which the contrastive loss compares."""

    def __init__(self, c):
        super().__init__()
        outer, inner = c["embedding_dim"], c["projection_dim"]
        self.net = nn.Sequential(
            nn.Linear(outer, inner), nn.BatchNorm1d(inner), nn.ReLU(inplace=True), nn.Linear(inner, outer)
        )

    def forward(self, x):
        return self.net(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class TorchCarl(nn.Module):
    """Embeddings of the frames of clips."""

    def __init__(self, c):
        """`c`: settings of a `CARLConfig`."""
        super().__init__()
        self._c = c
        stem, stages = resnet_parts(c)
        frozen, trained = stages[: c["backbone_stages"]], stages[c["backbone_stages"] :]
        self.backbone = nn.Sequential(*stem, *frozen).requires_grad_(False)
        self.res_finetune = trained[0] if len(trained) == 1 else nn.Sequential(*trained)
        self.embed, self.ssl_projection = Embedder(c), Projection(c)

    @torch.no_grad()
    def frozen(self, frames):
        """Feature maps [B, T, C, h, w] of the backbone, chunk after chunk."""
        self.backbone.eval()
        parts = frames.split(self._c["chunk_frames"], dim=1)
        found = [self.backbone(part.flatten(0, 1)).unflatten(0, part.shape[:2]) for part in parts]
        return found[0] if len(found) == 1 else torch.cat(found, 1)

    def forward(self, frames, mask=None, project=False):
        """Embeddings [B, T, E] of unit length, behind the head with `project`.

        Frames [B, T, 3, H, W] are normalised; `mask` [B, T] says which exist.
        """
        chunks = [
            self.res_finetune(self.frozen(part).flatten(0, 1)).unflatten(0, part.shape[:2])
            for part in frames.split(self._c["chunk_frames"], dim=1)
        ]
        y = self.embed(torch.cat(chunks, 1), None if mask is None else mask[:, None, None])
        if project:
            return functional.normalize(self.ssl_projection(y), dim=-1)
        return functional.normalize(y, dim=-1) if self._c["l2_normalize"] else y


def contrastive_loss(settings, embeddings, steps, lengths, mask):
    """The sequence contrastive loss of V videos.

    Args:
      settings: of a `CARLLossConfig`.
      embeddings: [2 V, T, E], the views of a video beside each other.
      steps: int [2 V, T], numbers of the frames in their video; `lengths` int [2 V], of the videos.
      mask: bool [2 V, T], frames that exist.
    """
    views, num_steps = steps.shape
    rows, places = embeddings.flatten(0, 1), steps.flatten().float()
    exists, long = mask.flatten().float(), lengths.repeat_interleave(num_steps).float()
    view = torch.arange(views, device=rows.device).repeat_interleave(num_steps)
    pairs = exists[:, None] * exists
    logits = rows @ rows.T / settings["temperature"]
    distance = (places[:, None] / long[:, None] * long - places).abs().masked_fill(pairs == 0, FAR)
    same_video, same_view = view[:, None] // 2 == view // 2, view[:, None] == view
    weights = torch.ones_like(logits)
    if "single" in settings["negatives"]:
        weights = weights.masked_fill(~same_video, 0.0)
    if "noself" in settings["negatives"]:
        weights = weights.masked_fill(same_view, 0.0)
    weights = weights.masked_fill(pairs == 0, OUTSIDE)
    prior = torch.exp(-distance.square() / (2 * settings["label_variance"])) * (same_video & ~same_view)
    labels = (prior / prior.sum(-1, keepdim=True)).nan_to_num(0.0)
    exponentials = logits.exp()
    found = exponentials / (weights * exponentials).sum(-1, keepdim=True)
    divergence = torch.special.xlogy(labels, labels) - labels * (found + LEAST).log()
    return (pairs * divergence).sum() / exists.sum()
