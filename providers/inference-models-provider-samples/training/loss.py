"""The training loss: binary cross-entropy on scores and complete IoU (Zheng et al., 2020) on boxes."""

from __future__ import annotations

import math

import torch
from assign import assign
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

SCORE_WEIGHT = 0.5
BOX_WEIGHT = 2.5


def complete_iou(predicted: Tensor, target: Tensor) -> Tensor:
    """IoU less penalties for the distance of centres and the difference of aspect; boxes xyxy [n, 4] -> [n]."""
    low, high = torch.maximum(predicted[:, :2], target[:, :2]), torch.minimum(predicted[:, 2:], target[:, 2:])
    intersection = (high - low).clamp(min=0).prod(-1)
    size, target_size = predicted[:, 2:] - predicted[:, :2], target[:, 2:] - target[:, :2]
    iou = intersection / (size.prod(-1) + target_size.prod(-1) - intersection + 1e-7)
    hull = torch.maximum(predicted[:, 2:], target[:, 2:]) - torch.minimum(predicted[:, :2], target[:, :2])
    shift = (predicted[:, :2] + predicted[:, 2:] - target[:, :2] - target[:, 2:]) / 2
    distance = shift.square().sum(-1) / (hull.square().sum(-1) + 1e-7)
    angles = torch.atan(size[:, 0] / (size[:, 1] + 1e-7)) - torch.atan(target_size[:, 0] / (target_size[:, 1] + 1e-7))
    aspect = (4 / math.pi**2) * angles.square()
    with torch.no_grad():
        weight = aspect / (1 - iou + aspect + 1e-7)
    return iou - distance - weight * aspect


def detection_loss(
    boxes: Tensor, logits: Tensor, points: Tensor, targets: Tensor, target_classes: Tensor, valid: Tensor
) -> Tensor:
    """Mean loss of a batch; shapes as in `assign`, with logits in place of probabilities."""
    owner, positive, wanted = assign(boxes, logits.sigmoid(), points, targets, target_classes, valid)
    classes = target_classes.gather(1, owner)
    score_target = torch.zeros_like(logits)
    score_target.scatter_(2, classes[..., None], (wanted * positive)[..., None])
    normaliser = score_target.sum().clamp(min=1.0)
    score_loss = binary_cross_entropy_with_logits(logits, score_target, reduction="sum") / normaliser
    target_boxes = targets.gather(1, owner[..., None].expand(-1, -1, 4))[positive]
    box_loss = ((1 - complete_iou(boxes[positive], target_boxes)) * wanted[positive]).sum() / normaliser
    return SCORE_WEIGHT * score_loss + BOX_WEIGHT * box_loss
