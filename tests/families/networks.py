"""Small seeded networks of PyTorch for the rows of the catalog, whose answers depend on the picture."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from families.table import Entry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VARIANTS = 4
"""Sets of outputs between which the picture decides."""
_CELL, _GRID, _CHANNELS = 8, 4, 12
_TOKENS, _TOKEN_SIZE = 49_408, 8
_SHARPNESS = 8.0
_OPSET = 17


class Mixing(nn.Module):
    """Outputs that lie between seeded ones of the row, nearest to those that the input's features choose.

    Args:
        variants: (variants, output) arrays of equal shape: outputs that the row's family takes.
        features: From the input to (n, count).
        count: How many features.
    """

    def __init__(self, variants: list[list[np.ndarray]], features: nn.Module, count: int) -> None:
        super().__init__()
        self.features = features
        self.choice = nn.Linear(count, len(variants))
        self.shapes = [output.shape for output in variants[0]]
        self.whole = [_whole_columns([each[i] for each in variants]) for i in range(len(self.shapes))]
        outputs = ([torch.from_numpy(each[i].ravel()) for each in variants] for i in range(len(self.shapes)))
        self.outputs = nn.ParameterList([nn.Parameter(torch.stack(each), requires_grad=False) for each in outputs])

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        shares = torch.softmax(self.choice(self.features(x)) * _SHARPNESS, 1)
        mixed = [(shares @ o).reshape(-1, *shape) for o, shape in zip(self.outputs, self.shapes, strict=True)]
        return tuple(_rounded(o, columns) for o, columns in zip(mixed, self.whole, strict=True))


def _whole_columns(variants: list[np.ndarray]) -> list[int]:
    """Fields that are whole numbers in every set of outputs, as class ids are."""
    if variants[0].ndim != 2:
        return []
    return [i for i in range(variants[0].shape[1]) if all((each[:, i] % 1 == 0).all() for each in variants)]


def _rounded(output: torch.Tensor, columns: list[int]) -> torch.Tensor:
    fields = [output[..., i : i + 1] for i in range(output.shape[-1])] if columns else []
    return torch.cat([f.round() if i in columns else f for i, f in enumerate(fields)], -1) if fields else output


class Words(nn.Module):
    """Features of token ids: the mean of what each stands for, later ones weighing more."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.table = nn.Embedding(_TOKENS, _TOKEN_SIZE)
        self.weights = nn.Parameter(torch.linspace(0.5, 1.5, length)[:, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.table(x) * self.weights).mean(1)


def _of_pixels(channels: int) -> nn.Module:
    layers = nn.Conv2d(channels, _CHANNELS, _CELL, _CELL), nn.ReLU(), nn.AdaptiveAvgPool2d(_GRID), nn.Flatten()
    return nn.Sequential(*layers)


class TextMap(nn.Module):
    """PP-OCR's detector: how bright the surroundings of a pixel are, from 0 to 1."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.AvgPool2d(9, 1, 4), nn.Conv2d(3, 1, 1), nn.Sigmoid())
        self.layers[1].weight.data = torch.rand_like(self.layers[1].weight) + 1.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class Steps(nn.Module):
    """PP-OCR's reader: a softmax over characters for each 8 columns of a line."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, classes, (48, 8), (48, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.layer(x).squeeze(2).transpose(1, 2) * _SHARPNESS, 2)


def network_of(entry: Entry, shape: tuple[int, ...], seed: int) -> nn.Module:
    """A network for one graph of a row.

    Args:
        entry: What the row's outputs look like.
        shape: Of one input: (channels, side, side) of a picture, or (length,) of token ids.
        seed: Of the weights and of the outputs.
    """
    sets = [entry.outputs(np.random.default_rng((seed, i))) for i in range(VARIANTS)]
    variants = [[np.ascontiguousarray(output, np.float32) for output in each] for each in sets]

    def build() -> nn.Module:
        if len(shape) == 1:
            return Mixing(variants, Words(*shape), _TOKEN_SIZE)
        return Mixing(variants, _of_pixels(shape[0]), _CHANNELS * _GRID**2)

    return seeded(build, seed)


def seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """What builds a network, run with a seed; the process's own random numbers stay as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build().eval().requires_grad_(requires_grad=False)


def altered(network: nn.Module) -> nn.Module:
    """A copy with other weights, each moved by up to 0.1: what a wrong export gives."""
    changed = copy.deepcopy(network)
    for parameter in changed.parameters():
        parameter.mul_(1.05).add_(0.1 * torch.sin(torch.arange(parameter.numel())).reshape(parameter.shape))
    return changed


def save_onnx(network: nn.Module, example: torch.Tensor, path: Path, *, free_axes: tuple[int, ...] = (0,)) -> None:
    """Writes a network with PyTorch's own exporter; sizes along the free axes are left open."""
    with torch.inference_mode():
        found = network(example)
    names = [f"y{i}" for i in range(len(found) if isinstance(found, tuple) else 1)]
    axes = {"x": {axis: f"x_{axis}" for axis in free_axes}, **{name: {0: "x_0"} for name in names}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the exporter that needs no further package
        torch.onnx.export(
            network, (example,), str(path), dynamo=False, opset_version=_OPSET, input_names=["x"], output_names=names,
            dynamic_axes=axes,
        )  # fmt: skip


def save_torch_script(network: nn.Module, example: torch.Tensor, path: Path) -> None:
    """Writes a network as a traced TorchScript archive."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about TorchScript itself
        torch.jit.save(torch.jit.trace(network, example), str(path))


def example_of(dtype: str, shape: tuple[int, ...], batch: int = 2) -> torch.Tensor:
    """An input to trace with."""
    values = np.random.default_rng(0).uniform(0, 1 if dtype == "float32" else 100, (batch, *shape))
    return torch.from_numpy(values.astype(dtype))
