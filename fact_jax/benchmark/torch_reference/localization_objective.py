"""ActionFormer's targets, losses and candidates in plain PyTorch; sources: see `fact_jax.models.actionformer`."""

import torch
import torch.nn.functional as F

from fact_jax.ops.nms import Detections

NEAR_TIE = 1e-3
FOCAL_ALPHA, MOMENTUM, LEAST_REGRESSION, LEAST_LENGTH = 0.25, 0.9, 0.01, 1e-8


def points_of(c, num_frames, device):
    """The points of a video of `num_frames` padded frames: list of [T, 4] per level, (time, from, to, stride)."""
    levels = []
    for level, (low, high) in enumerate(c["regression_ranges"], start=c["first_level"]):
        stride = c["scale_factor"] ** level
        time = torch.arange(0, num_frames, stride, dtype=torch.float32, device=device)
        levels.append(torch.stack([time, *(torch.full_like(time, value) for value in (low, high, stride))], 1))
    return levels


@torch.no_grad()
def assign(points, segments, labels, num_classes, radius):
    """What the points [P, 4] of one video have to find: (classes float [P, C], offsets [P, 2] in strides).

    Segments are float [N, 2] in grid units. `radius` is in strides around their centres; None: all of them counts.
    """
    if not len(labels):
        return points.new_zeros(len(points), num_classes), points.new_zeros(len(points), 2)
    time, low, high, stride = (points[:, column, None] for column in range(4))
    start, end = segments[None, :, 0], segments[None, :, 1]
    left, right = time - start, end - time
    if radius is None:
        inside = torch.minimum(left, right) > 0
    else:
        centre = 0.5 * (start + end)
        first, last = torch.maximum(centre - stride * radius, start), torch.minimum(centre + stride * radius, end)
        inside = torch.minimum(time - first, last - time) > 0
    farthest = torch.maximum(left, right)
    found = inside & (farthest >= low) & (farthest <= high)
    lengths = (end - start).expand(len(points), -1).masked_fill(~found, torch.inf)
    shortest, chosen = lengths.min(1, keepdim=True)
    tied = (lengths <= shortest + NEAR_TIE) & found
    classes = (tied.float() @ F.one_hot(labels.long(), num_classes).float()).clamp(0, 1)
    return classes, torch.cat([left.gather(1, chosen), right.gather(1, chosen)], 1) / stride


def focal_loss(logits, targets):
    """Sum of the sigmoid focal losses."""
    probs = logits.sigmoid()
    entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    match = probs * targets + (1 - probs) * (1 - targets)
    weight = FOCAL_ALPHA * targets + (1 - FOCAL_ALPHA) * (1 - targets)
    return (weight * (1 - match) ** 2 * entropy).sum()


def distance_iou_loss(predicted, targets):
    """Sum of 1 - tIoU + distance of the centres; both are [N, 2], distances to start and end."""
    common = torch.minimum(predicted, targets).sum(1)
    union = predicted.sum(1) + targets.sum(1) - common
    hull = torch.maximum(predicted, targets).sum(1)
    shift = 0.5 * (predicted[:, 1] - predicted[:, 0] - targets[:, 1] + targets[:, 0])
    distance = (shift / hull.clamp(min=LEAST_LENGTH)) ** 2
    return (1 - common / union.clamp(min=LEAST_LENGTH) + distance).sum()


class Objective:
    """The loss of a batch; keeps `normalizer`, what the losses of the last one were divided by."""

    def __init__(self, c, loss):
        """Args: `c` the ActionFormerConfig, `loss` the ActionFormerLossConfig, both as dicts."""
        self._c, self._loss = c, loss
        self.normalizer = loss["first_normalizer"]

    def __call__(self, levels, truth):
        """The loss, from what the network gave for B videos and (segments, labels) of every one, see `assign`."""
        c, settings = self._c, self._loss
        mask = torch.cat([level.mask for level in levels], 1)
        points = torch.cat(points_of(c, levels[0].mask.shape[1] * c["scale_factor"] ** c["first_level"], mask.device))
        targets = [assign(points, *video, c["num_classes"], settings["center_radius"]) for video in truth]
        classes, wanted = (torch.stack(parts) for parts in zip(*targets, strict=True))
        positive = (classes.sum(-1) > 0) & mask
        num_positive = int(positive.sum())
        self.normalizer = MOMENTUM * self.normalizer + (1 - MOMENTUM) * max(num_positive, 1)
        smoothing = settings["label_smoothing"]
        classes = classes[mask] * (1 - smoothing) + smoothing / (c["num_classes"] + 1)
        classification = focal_loss(torch.cat([level.logits for level in levels], 1)[mask], classes) / self.normalizer
        predicted = torch.cat([level.offsets for level in levels], 1)[positive]
        regression = distance_iou_loss(predicted, wanted[positive]) / self.normalizer
        weight = settings["regression_weight"]
        if weight <= 0:
            weight = float(classification.detach()) / max(float(regression.detach()), LEAST_REGRESSION)
        return classification + weight * regression


def candidates(c, settings, levels):
    """Detections in grid units: the best of every level of one video; settings are those of a CandidateConfig."""
    found = []
    num_frames = levels[0].mask.shape[1] * c["scale_factor"] ** c["first_level"]
    for points, level in zip(points_of(c, num_frames, levels[0].mask.device), levels, strict=True):
        scores = (level.logits[0].sigmoid() * level.mask[0][:, None]).flatten()
        places = (scores > settings["threshold"]).nonzero()[:, 0]
        best, order = scores[places].sort(descending=True)
        best, places = best[: settings["per_level"]], places[order[: settings["per_level"]]]
        place, label = places // c["num_classes"], places % c["num_classes"]
        time, stride, offsets = points[place, 0], points[place, 3], level.offsets[0, place]
        segments = torch.stack([time - offsets[:, 0] * stride, time + offsets[:, 1] * stride], 1)
        kept = segments[:, 1] - segments[:, 0] > settings["min_duration"]
        found.append((segments[kept], best[kept], label[kept]))
    return Detections(*(torch.cat(parts).cpu().numpy() for parts in zip(*found, strict=True)))
