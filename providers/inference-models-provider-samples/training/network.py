"""A small one-stage detector with a YOLOv8-style head and its raw output layout.

Written from the published description of the layout: `output0` is [batch, 4 + classes, anchors]; rows 0..3 hold
centre x, centre y, width, height in network pixels, the others a probability per class.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

STRIDES = (8, 16)
WIDTHS = (12, 24, 40, 56)
#: Objects of a level to expect in a picture: the first scores, so that no step is spent on learning "nothing is here".
EXPECTED_OBJECTS = 5


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

    def raw(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes and class logits, before they are joined.

        Args:
            images: float32 [batch, 3, size, size], RGB in 0..1.

        Returns:
            Boxes xyxy in pixels, [batch, anchors, 4], and logits, [batch, anchors, classes].
        """
        fine = self.stage8(self.stem(images))
        coarse = self.stage16(fine)
        level8 = self.merge8(torch.cat([self.up(coarse), fine], dim=1))
        level16 = self.merge16(torch.cat([self.down(level8), coarse], dim=1))
        levels = (level8, level16)
        distances = torch.cat([head(x).flatten(2) for head, x in zip(self.box, levels, strict=True)], dim=2)
        logits = torch.cat([head(x).flatten(2) for head, x in zip(self.score, levels, strict=True)], dim=2)
        distances = nn.functional.softplus(distances.transpose(1, 2)) * self.strides
        boxes = torch.cat([self.points - distances[..., :2], self.points + distances[..., 2:]], dim=2)
        return boxes, logits.transpose(1, 2)

    def forward(self, images: Tensor) -> Tensor:
        """Images [batch, 3, size, size], float32 RGB in 0..1 -> `output0` [batch, 4 + classes, anchors]."""
        boxes, logits = self.raw(images)
        low, high = boxes[..., :2], boxes[..., 2:]
        return torch.cat([(low + high) / 2, high - low, logits.sigmoid()], dim=2).transpose(1, 2)


def anchors(image_size: int) -> tuple[Tensor, Tensor]:
    """Cell centres [anchors, 2] (x, y in pixels) and strides [anchors, 1], fine level first, row by row."""
    points, strides = [], []
    for stride in STRIDES:
        steps = (torch.arange(image_size // stride) + 0.5) * stride
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        points.append(torch.stack([x.flatten(), y.flatten()], dim=1))
        strides.append(torch.full((len(points[-1]), 1), float(stride)))
    return torch.cat(points), torch.cat(strides)
