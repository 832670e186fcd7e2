"""A small one-stage detector with a YOLOv8-style head and its raw output layout, and what else stands on its body.

Written from the published description of the layout: `output0` is [batch, 4 + classes + extras, anchors]; rows 0..3
hold centre x, centre y, width, height in network pixels, then comes a probability per class. Extras are 32 mask
coefficients, which weigh the prototypes of `output1`, or x, y (network pixels) and probability of each key point.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

STRIDES = (8, 16)
WIDTHS = (12, 24, 40, 56)
#: Objects of a level to expect in a picture: the first scores, so that no step is spent on learning "nothing is here".
EXPECTED_OBJECTS = 5
#: Masks are sums of this many planes, as the layout has it.
PROTOTYPES = 32
KEY_POINT_FIELDS = 3


class Raw(NamedTuple):
    """What the heads say, before it is joined.

    Attributes:
        boxes: xyxy in pixels, [batch, anchors, 4].
        logits: [batch, anchors, classes].
        extras: [batch, anchors, extras]; none for a plain detector.
        prototypes: [batch, PROTOTYPES, size / 4, size / 4] for masks; none for others.
    """

    boxes: Tensor
    logits: Tensor
    extras: Tensor | None = None
    prototypes: Tensor | None = None


class Convolution(nn.Sequential):
    """Convolution, batch normalisation, SiLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03),
            nn.SiLU(inplace=True),
        )


class Residual(nn.Module):
    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(Convolution(channels, channels, 3), Convolution(channels, channels, 3))
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.shortcut else self.body(x)


class SplitBlock(nn.Module):
    """Half of the channels pass by, half go through a residual; all stages are joined (the C2f idea)."""

    def __init__(self, inputs: int, outputs: int, shortcut: bool = True) -> None:
        super().__init__()
        half = outputs // 2
        self.enter = Convolution(inputs, 2 * half)
        self.residual = Residual(half, shortcut)
        self.leave = Convolution(3 * half, outputs)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.enter(x).chunk(2, dim=1)
        return self.leave(torch.cat([first, second, self.residual(second)], dim=1))


class PyramidPooling(nn.Module):
    """Three max-pools in a row over a thin tensor, joined (SPPF)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.enter = Convolution(channels, channels // 2)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.leave = Convolution(channels * 2, channels)

    def forward(self, x: Tensor) -> Tensor:
        stages = [self.enter(x)]
        for _ in range(3):
            stages.append(self.pool(stages[-1]))
        return self.leave(torch.cat(stages, dim=1))


class Branch(nn.Sequential):
    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__(Convolution(inputs, hidden, 3), Convolution(hidden, hidden, 3), nn.Conv2d(hidden, outputs, 1))


class Detector(nn.Module):
    """Backbone to stride 16, a two-level pyramid, one decoupled head a level.

    Args:
        classes: Number of classes.
        image_size: Side of the square input in pixels, a multiple of 16; fixes the anchors.
    """

    def __init__(self, classes: int, image_size: int) -> None:
        super().__init__()
        w1, w2, w3, w4 = WIDTHS
        self.stem = nn.Sequential(Convolution(3, w1, 3, 2), Convolution(w1, w2, 3, 2), SplitBlock(w2, w2))
        self.stage8 = nn.Sequential(Convolution(w2, w3, 3, 2), SplitBlock(w3, w3))
        self.stage16 = nn.Sequential(Convolution(w3, w4, 3, 2), SplitBlock(w4, w4), PyramidPooling(w4))
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.merge8 = SplitBlock(w3 + w4, w3, shortcut=False)
        self.down = Convolution(w3, w3, 3, 2)
        self.merge16 = SplitBlock(w3 + w4, w4, shortcut=False)
        self.box = nn.ModuleList([Branch(w3, 24, 4), Branch(w4, 24, 4)])
        self.score = nn.ModuleList([Branch(w3, 32, classes), Branch(w4, 32, classes)])
        points, strides = anchors(image_size)
        self.register_buffer("points", points, persistent=False)
        self.register_buffer("strides", strides, persistent=False)
        for branch, stride in zip(self.score, STRIDES, strict=True):
            cells = (image_size // stride) ** 2
            nn.init.constant_(branch[-1].bias, math.log(EXPECTED_OBJECTS / classes / cells))
        for branch in self.box:
            nn.init.constant_(branch[-1].bias, 1.5)

    def levels(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Features at stride 4, and those at strides 8 and 16 that the heads see."""
        finest = self.stem(images)
        fine = self.stage8(finest)
        coarse = self.stage16(fine)
        level8 = self.merge8(torch.cat([self.up(coarse), fine], dim=1))
        return finest, (level8, self.merge16(torch.cat([self.down(level8), coarse], dim=1)))

    def detections(self, levels: tuple[Tensor, Tensor]) -> Raw:
        """Boxes and logits of both levels."""
        distances, logits = joined(self.box, levels), joined(self.score, levels)
        distances = nn.functional.softplus(distances.transpose(1, 2)) * self.strides
        boxes = torch.cat([self.points - distances[..., :2], self.points + distances[..., 2:]], dim=2)
        return Raw(boxes, logits.transpose(1, 2))

    def raw(self, images: Tensor) -> Raw:
        """What the heads say of images, float32 [batch, 3, size, size], RGB in 0..1."""
        return self.detections(self.levels(images)[1])

    def forward(self, images: Tensor) -> Tensor:
        """Images [batch, 3, size, size], float32 RGB in 0..1 -> `output0` [batch, 4 + classes, anchors]."""
        return output0(self.raw(images))


class Segmenter(Detector):
    """Boxes with masks: coefficients for each anchor, and prototypes at stride 4."""

    def __init__(self, classes: int, image_size: int) -> None:
        super().__init__(classes, image_size)
        w2, w3, w4 = WIDTHS[1:]
        self.coefficients = nn.ModuleList([Branch(w3, 32, PROTOTYPES), Branch(w4, 32, PROTOTYPES)])
        self.enter_masks = Convolution(w3, 32, 3)
        self.masks = nn.Sequential(Convolution(w2 + 32, 40, 3), nn.Conv2d(40, PROTOTYPES, 1))

    def raw(self, images: Tensor) -> Raw:
        """See the base class."""
        finest, levels = self.levels(images)
        prototypes = self.masks(torch.cat([self.up(self.enter_masks(levels[0])), finest], dim=1))
        extras = joined(self.coefficients, levels).transpose(1, 2)
        return self.detections(levels)._replace(extras=extras, prototypes=prototypes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images -> `output0` [batch, 4 + classes + PROTOTYPES, anchors] and `output1`, the prototypes."""
        raw = self.raw(images)
        return output0(raw, raw.extras), raw.prototypes


class KeyPointDetector(Detector):
    """Boxes with key points, which are found relative to their box."""

    def __init__(self, classes: int, image_size: int, slots: int) -> None:
        super().__init__(classes, image_size)
        extras = KEY_POINT_FIELDS * slots
        self.key_points = nn.ModuleList([Branch(width, 64, extras) for width in WIDTHS[2:]])

    def raw(self, images: Tensor) -> Raw:
        """See the base class; extras are x, y in sizes of the box from its centre, and a logit, of each key point."""
        _, levels = self.levels(images)
        return self.detections(levels)._replace(extras=joined(self.key_points, levels).transpose(1, 2))

    def forward(self, images: Tensor) -> Tensor:
        """Images -> `output0` [batch, 4 + classes + 3 * slots, anchors]."""
        raw = self.raw(images)
        x, y, logits = (raw.extras[..., field::KEY_POINT_FIELDS] for field in range(KEY_POINT_FIELDS))
        x, y = key_point_places(x, y, raw.boxes)
        return output0(raw, torch.stack([x, y, logits.sigmoid()], dim=3).flatten(2))


class Classifier(nn.Module):
    """A small residual network over a crop of one shape: three blocks, then the mean over the picture."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        widths = (24, 40, 56, 80)
        self.stem = nn.Sequential(Convolution(3, 12, 3, 2), Convolution(12, widths[0], 3, 2))
        stages = [
            nn.Sequential(Convolution(inputs, outputs, 3, 2), Residual(outputs, True))
            for inputs, outputs in itertools.pairwise(widths)
        ]
        self.stages = nn.Sequential(*stages)
        self.score = nn.Linear(widths[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """Images [batch, 3, size, size], float32 RGB in 0..1 -> logits [batch, classes]."""
        return self.score(self.stages(self.stem(images)).mean(dim=(2, 3)))


def joined(heads: nn.ModuleList, levels: tuple[Tensor, Tensor]) -> Tensor:
    """What one head says at every anchor of both levels: [batch, channels, anchors]."""
    return torch.cat([head(x).flatten(2) for head, x in zip(heads, levels, strict=True)], dim=2)


def output0(raw: Raw, extras: Tensor | None = None) -> Tensor:
    """[batch, 4 + classes + extras, anchors]: centre, size, probabilities, extras."""
    low, high = raw.boxes[..., :2], raw.boxes[..., 2:]
    fields = [(low + high) / 2, high - low, raw.logits.sigmoid()]
    return torch.cat(fields if extras is None else [*fields, extras], dim=2).transpose(1, 2)


def key_point_places(x: Tensor, y: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """From sizes of the box to pixels; x and y [..., slots], boxes xyxy [..., 4]."""
    centre, size = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
    return centre[..., :1] + x * size[..., :1], centre[..., 1:] + y * size[..., 1:]


def anchors(image_size: int) -> tuple[Tensor, Tensor]:
    """Cell centres [anchors, 2] (x, y in pixels) and strides [anchors, 1], fine level first, row by row."""
    points, strides = [], []
    for stride in STRIDES:
        steps = (torch.arange(image_size // stride) + 0.5) * stride
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        points.append(torch.stack([x.flatten(), y.flatten()], dim=1))
        strides.append(torch.full((len(points[-1]), 1), float(stride)))
    return torch.cat(points), torch.cat(strides)
