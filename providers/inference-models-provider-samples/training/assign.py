"""Task-aligned assignment of anchors to objects (Feng et al., TOOD, 2021)."""

from __future__ import annotations

import torch
from torch import Tensor

TOP_K = 10
ALPHA = 0.5
BETA = 6.0


def pairwise_iou(first: Tensor, second: Tensor) -> Tensor:
    """IoU of boxes xyxy: [..., n, 4] and [..., m, 4] -> [..., n, m]."""
    low = torch.maximum(first[..., :, None, :2], second[..., None, :, :2])
    high = torch.minimum(first[..., :, None, 2:], second[..., None, :, 2:])
    intersection = (high - low).clamp(min=0).prod(-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1) for boxes in (first, second)]
    return intersection / (areas[0][..., :, None] + areas[1][..., None, :] - intersection + 1e-7)


@torch.no_grad()
def assign(
    boxes: Tensor, scores: Tensor, points: Tensor, targets: Tensor, target_classes: Tensor, valid: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Choose the anchors that learn each object.

    Args:
        boxes: Predicted, xyxy pixels, [batch, anchors, 4].
        scores: Predicted probabilities, [batch, anchors, classes].
        points: Anchor centres in pixels, [anchors, 2].
        targets: True boxes, xyxy pixels, padded with zeros, [batch, objects, 4].
        target_classes: int64 [batch, objects].
        valid: bool [batch, objects]; False for padding.

    Returns:
        Index of the object of each anchor (int64 [batch, anchors]), whether the anchor has one (bool, same shape),
        and the score that it should predict for the object's class (float, same shape).
    """
    overlaps = pairwise_iou(targets, boxes)
    index = target_classes[:, :, None].expand(-1, -1, boxes.shape[1])
    class_scores = scores.transpose(1, 2).gather(1, index)
    inside = _inside(points, targets) & valid[:, :, None]
    metric = class_scores**ALPHA * overlaps**BETA * inside
    chosen = _top(metric) & inside
    chosen &= _best_object(overlaps, chosen)
    owner = chosen.to(torch.uint8).argmax(dim=1)
    positive = chosen.any(dim=1)
    return owner, positive, _target_scores(metric, overlaps, chosen)


def _inside(points: Tensor, targets: Tensor) -> Tensor:
    """Whether an anchor's centre lies in the box; small boxes are widened so that each holds a few centres."""
    middle, half = (targets[..., :2] + targets[..., 2:]) / 2, (targets[..., 2:] - targets[..., :2]) / 2
    offsets = (points[None, None] - middle[:, :, None]).abs()
    return (offsets < half.clamp(min=8.0)[:, :, None]).all(dim=-1)


def _top(metric: Tensor) -> Tensor:
    indices = metric.topk(TOP_K, dim=2).indices
    return torch.zeros_like(metric, dtype=torch.bool).scatter_(2, indices, True)


def _best_object(overlaps: Tensor, chosen: Tensor) -> Tensor:
    """One object an anchor: the one that its box overlaps most among those that chose it."""
    best = overlaps.masked_fill(~chosen, -1).argmax(dim=1, keepdim=True)
    return torch.zeros_like(chosen).scatter_(1, best, True)


def _target_scores(metric: Tensor, overlaps: Tensor, chosen: Tensor) -> Tensor:
    """The metric, scaled per object so that its best anchor should score the object's best IoU."""
    metric, overlaps = metric * chosen, overlaps * chosen
    scale = overlaps.amax(dim=2, keepdim=True) / (metric.amax(dim=2, keepdim=True) + 1e-9)
    return (metric * scale).amax(dim=1)
