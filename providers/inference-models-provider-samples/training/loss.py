"""The training losses: scores and boxes of every detector, masks, key points.

Scores learn by binary cross-entropy, boxes by complete IoU (Zheng et al., 2020).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from assign import assign
from key_points import HIDDEN, VISIBLE
from network import KEY_POINT_FIELDS, Raw, key_point_places
from torch import Tensor
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, one_hot

if TYPE_CHECKING:
    from dataset import Batch

SCORE_WEIGHT = 0.5
BOX_WEIGHT = 2.5
MASK_WEIGHT = 2.0
PLACE_WEIGHT, VISIBILITY_WEIGHT = 8.0, 0.5


class Positives(NamedTuple):
    """The anchors of a batch that learn an object, p of them.

    Attributes:
        picture: int64 [p].
        anchor: int64 [p].
        owner: int64 [p], index of the object.
        weight: float [p]; over the whole batch they add up to about 1.
    """

    picture: Tensor
    anchor: Tensor
    owner: Tensor
    weight: Tensor

    def of(self, values: Tensor) -> Tensor:
        """The rows of the objects: [batch, objects, ...] -> [p, ...]."""
        return values[self.picture, self.owner]

    def at(self, values: Tensor) -> Tensor:
        """The rows of the anchors: [batch, anchors, ...] -> [p, ...]."""
        return values[self.picture, self.anchor]


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


def detection_loss(raw: Raw, points: Tensor, batch: Batch) -> tuple[Tensor, Positives]:
    """Mean loss of a batch, and which anchors learned what; `points` as in `assign`."""
    classes, valid = batch.classes.clamp(min=0), batch.classes >= 0
    owner, positive, wanted = assign(raw.boxes, raw.logits.sigmoid(), points, batch.boxes, classes, valid)
    score_target = torch.zeros_like(raw.logits)
    score_target.scatter_(2, classes.gather(1, owner)[..., None], (wanted * positive)[..., None])
    normaliser = score_target.sum().clamp(min=1.0)
    score_loss = binary_cross_entropy_with_logits(raw.logits, score_target, reduction="sum") / normaliser
    picture, anchor = positive.nonzero(as_tuple=True)
    positives = Positives(picture, anchor, owner[positive], wanted[positive] / normaliser)
    overlap = complete_iou(positives.at(raw.boxes), positives.of(batch.boxes))
    box_loss = ((1 - overlap) * positives.weight).sum()
    return SCORE_WEIGHT * score_loss + BOX_WEIGHT * box_loss, positives


def mask_loss(raw: Raw, positives: Positives, batch: Batch) -> Tensor:
    """Cross-entropy between each mask and its object's coverage of the prototypes' pixels, in the box of the object.

    The share of a pixel that is covered is the target, so that half of it is where the outline passes after the
    planes are resized.
    """
    objects, (height, width) = batch.classes.shape[1], raw.prototypes.shape[2:]
    stride = batch.labels.shape[1] // height
    planes = one_hot(batch.labels.long().clamp(max=objects + 1), objects + 2)[..., 1 : objects + 1]
    covered = positives.of(avg_pool2d(planes.permute(0, 3, 1, 2).float(), stride))
    counts = positives.picture.bincount(minlength=len(batch.classes)).tolist()
    weights = positives.at(raw.extras).split(counts)  # anchors come picture by picture
    logits = torch.cat([torch.tensordot(w, planes, 1) for w, planes in zip(weights, raw.prototypes, strict=True)])
    box = positives.of(batch.boxes)[:, :, None, None] / stride
    x, y = torch.arange(width, device=box.device) + 0.5, torch.arange(height, device=box.device)[:, None] + 0.5
    margin = 1  # the box that cuts the mask is rounded to pixels
    inside = (x > box[:, 0] - margin) & (x < box[:, 2] + margin) & (y > box[:, 1] - margin) & (y < box[:, 3] + margin)
    losses = binary_cross_entropy_with_logits(logits, covered, reduction="none") * inside
    return MASK_WEIGHT * (losses.sum(dim=(1, 2)) / inside.sum(dim=(1, 2)).clamp(min=1) * positives.weight).sum()


def key_point_loss(raw: Raw, positives: Positives, batch: Batch) -> Tensor:
    """Distance to each key point as a part of the box's size, and cross-entropy on whether it can be seen."""
    target, boxes = positives.of(batch.key_points), positives.of(batch.boxes)
    x, y, logits = (positives.at(raw.extras)[:, field::KEY_POINT_FIELDS] for field in range(KEY_POINT_FIELDS))
    x, y = key_point_places(x, y, positives.at(raw.boxes).detach())
    size = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1).sqrt().clamp(min=1)[:, None]
    distances = torch.hypot(x - target[..., 0] + 1e-3, y - target[..., 1]) / size
    known, visible = target[..., 2] >= HIDDEN, (target[..., 2] == VISIBLE).float()
    count = known.sum(dim=1).clamp(min=1)
    place = (distances * known).sum(dim=1) / count
    seen = (binary_cross_entropy_with_logits(logits, visible, reduction="none") * known).sum(dim=1) / count
    return ((PLACE_WEIGHT * place + VISIBILITY_WEIGHT * seen) * positives.weight).sum()
