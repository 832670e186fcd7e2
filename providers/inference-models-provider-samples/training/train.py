"""Train a sample model on generated scenes; minutes on two CPU cores. See README.md for the commands."""

from __future__ import annotations

import argparse
import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from average_precision import Boxes, average_precision
from plain import decode
from shapes import CLASS_NAMES
from tasks import CLASSES, TASKS, Data, Task
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dataset import Batch, Samples

TRAINING_SEED, VALIDATION_SEED = 1_000_000, 2_000_000
LEARNING_RATE, WEIGHT_DECAY, WARM_UP = 4e-3, 0.02, 100
AVERAGE_DECAY = 0.998


def learning_rate(step: int, steps: int) -> float:
    """Factor on the base rate: linear warm-up, then a cosine down to one hundredth."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    progress = (step - WARM_UP) / max(1, steps - WARM_UP)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2


def make_optimiser(model: nn.Module) -> torch.optim.AdamW:
    """AdamW; norms and biases are not decayed."""
    plain = [p for p in model.parameters() if p.ndim <= 1]
    decayed = [p for p in model.parameters() if p.ndim > 1]
    groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=LEARNING_RATE)


def train(
    task: Task, samples: Data, validation: Data, *, steps: int, seed: int, device: str, start_from: Path | None = None
) -> nn.Module:
    """Train for `steps` batches and return the running average of the weights, in evaluation mode."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = task.build()
    if start_from is not None:
        begin_with(model, torch.load(start_from, map_location="cpu", weights_only=True))
    model = model.to(device, memory_format=torch.channels_last)
    print(f"parameters: {sum(p.numel() for p in model.parameters()):,}", flush=True)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_DECAY), use_buffers=True)
    optimiser = make_optimiser(model)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: learning_rate(step, steps))
    start, running = time.monotonic(), 0.0
    for step, batch in enumerate(batches(samples, task.batch, steps, rng)):
        loss = train_step(task, model, optimiser, batch.to(device))
        scheduler.step()
        averaged.update_parameters(model)
        running += (loss - running) / min(step + 1, 100)
        if (step + 1) % 100 == 0:
            print(f"step {step + 1:5d}  loss {running:.3f}  {time.monotonic() - start:6.0f} s", flush=True)
        if (step + 1) % 1000 == 0 or step + 1 == steps:
            report(task, averaged.module, validation)
    return averaged.module.eval()


def begin_with(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """Take over what has the same name and shape."""
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    fitting = {name: tensor for name, tensor in weights.items() if shapes.get(name) == tensor.shape}
    model.load_state_dict(fitting, strict=False)


def batches(samples: Data, size: int, steps: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Augmented batches in random order, each prepared while the one before is learned."""
    order = np.concatenate([rng.permutation(len(samples)) for _ in range(steps * size // len(samples) + 1)])
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(samples.batch, order[:size], rng)
        for step in range(1, steps + 1):
            ready = following.result()
            if step < steps:
                following = thread.submit(samples.batch, order[step * size : (step + 1) * size], rng)
            yield ready


def train_step(task: Task, model: nn.Module, optimiser: torch.optim.Optimizer, batch: Batch) -> float:
    """One step of descent; the loss before it."""
    model.train()
    loss = task.loss(model, batch)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 10.0)
    optimiser.step()
    return loss.item()


@torch.no_grad()
def outputs(model: nn.Module, samples: Data) -> Iterator[np.ndarray]:
    """The first output of each sample."""
    model.eval()
    device = next(model.parameters()).device
    for start in range(0, len(samples), 50):
        batch = samples.batch(np.arange(start, min(start + 50, len(samples)))).to(device)
        result = model(batch.images)
        yield from (result[0] if isinstance(result, tuple) else result).cpu().numpy()


def predict(model: nn.Module, samples: Data) -> list[Boxes]:
    """Detections in network pixels, one entry a picture."""
    return [decode(output, CLASSES)[0] for output in outputs(model, samples)]


def truths(samples: Samples) -> list[Boxes]:
    """The objects of each sample."""
    rows = [samples.truth(index) for index in range(len(samples))]
    return [Boxes(xyxy=row.boxes, classes=row.classes, scores=np.ones(len(row.classes))) for row in rows]


@torch.no_grad()
def validation_loss(task: Task, model: nn.Module, validation: Data) -> float:
    """Mean loss over batches that are not augmented."""
    model.eval()
    device = next(model.parameters()).device
    starts = range(0, len(validation), task.batch)
    indices = [np.arange(start, min(start + task.batch, len(validation))) for start in starts]
    return float(np.mean([task.loss(model, validation.batch(chosen).to(device)).item() for chosen in indices]))


def report(task: Task, model: nn.Module, validation: Data) -> None:
    """Print the loss, and accuracy or mAP50 and mAP75 of boxes, on the validation scenes."""
    print(f"validation: loss {validation_loss(task, model, validation):.4f}", flush=True)
    if not task.boxes:
        found = np.array([output.argmax() for output in outputs(model, validation)])
        print(f"validation: accuracy {(found == validation.classes).mean():.4f}", flush=True)
        return
    found, true = predict(model, validation), truths(validation)
    figures = [average_precision(found, true, classes=CLASSES, threshold=t) for t in (0.5, 0.75)]
    print(f"validation: mAP50 {np.nanmean(figures[0]):.4f}  mAP75 {np.nanmean(figures[1]):.4f}", flush=True)
    for name, ap50, ap75 in zip(CLASS_NAMES, *figures, strict=True):
        print(f"  {name:10s} {ap50:.3f} {ap75:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=TASKS, help="which one")
    parser.add_argument("--out", type=Path, required=True, help="where the checkpoint goes, a .pt file")
    parser.add_argument(
        "--start-from", type=Path, help="a checkpoint whose weights to begin with, where names and shapes agree"
    )
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--scenes", type=int, default=7000, help="distinct training scenes")
    parser.add_argument("--validation-scenes", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu, or cuda where there is one")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    start, task = time.monotonic(), TASKS[arguments.model]
    seeds = range(TRAINING_SEED, TRAINING_SEED + arguments.scenes)
    samples = task.draw(seeds, jitter=True, workers=arguments.threads)
    seeds = range(VALIDATION_SEED, VALIDATION_SEED + arguments.validation_scenes)
    validation = task.draw(seeds, jitter=False, workers=arguments.threads)
    print(f"{len(samples)} samples drawn in {time.monotonic() - start:.0f} s", flush=True)
    model = train(
        task, samples, validation, steps=arguments.steps, seed=arguments.seed, device=arguments.device,
        start_from=arguments.start_from,
    )  # fmt: skip
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.cpu().state_dict(), arguments.out)
    print(f"done in {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
