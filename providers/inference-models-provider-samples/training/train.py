"""Train the shapes detector on generated scenes; minutes on two CPU cores. See README.md for the commands."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from average_precision import Boxes, average_precision
from dataset import Samples, batch, make_samples
from loss import detection_loss
from network import Detector
from plain import IMAGE_SIZE, decode
from shapes import CLASS_NAMES
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

TRAINING_SEED, VALIDATION_SEED = 1_000_000, 2_000_000
LEARNING_RATE, WEIGHT_DECAY, WARM_UP = 4e-3, 0.02, 100
AVERAGE_DECAY = 0.998
BATCH = 16


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


def train(samples: Samples, validation: Samples, *, steps: int, seed: int, device: str) -> nn.Module:
    """Train for `steps` batches and return the running average of the weights, in evaluation mode."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = Detector(len(CLASS_NAMES), IMAGE_SIZE).to(device, memory_format=torch.channels_last)
    print(f"parameters: {sum(p.numel() for p in model.parameters()):,}", flush=True)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_DECAY), use_buffers=True)
    optimiser = make_optimiser(model)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: learning_rate(step, steps))
    order = np.concatenate(
        [rng.permutation(len(samples.images)) for _ in range(steps * BATCH // len(samples.images) + 1)]
    )
    start, running = time.monotonic(), 0.0
    for step in range(steps):
        loss = train_step(model, optimiser, batch(samples, order[step * BATCH : (step + 1) * BATCH], rng))
        scheduler.step()
        averaged.update_parameters(model)
        running += (loss - running) / min(step + 1, 100)
        if (step + 1) % 100 == 0:
            print(f"step {step + 1:5d}  loss {running:.3f}  {time.monotonic() - start:6.0f} s", flush=True)
        if (step + 1) % 1000 == 0 or step + 1 == steps:
            report(averaged.module, validation)
    return averaged.module.eval()


def train_step(model: Detector, optimiser: torch.optim.Optimizer, data: tuple[Tensor, Tensor, Tensor]) -> float:
    """One step of descent; the loss before it."""
    images, targets, classes = (part.to(model.points.device) for part in data)
    model.train()
    boxes, logits = model.raw(images)
    loss = detection_loss(boxes, logits, model.points, targets, classes.clamp(min=0), classes >= 0)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 10.0)
    optimiser.step()
    return loss.item()


@torch.no_grad()
def predict(model: nn.Module, samples: Samples) -> list[Boxes]:
    """Detections in network pixels, one entry a picture."""
    model.eval()
    device, found = next(model.parameters()).device, []
    for start in range(0, len(samples.images), 50):
        images, _, _ = batch(samples, np.arange(start, min(start + 50, len(samples.images))))
        found += [decode(output) for output in model(images.to(device)).cpu().numpy()]
    return found


def truths(samples: Samples) -> list[Boxes]:
    """The objects of each sample."""
    return [
        Boxes(xyxy=boxes[classes >= 0], classes=classes[classes >= 0], scores=np.ones(np.count_nonzero(classes >= 0)))
        for boxes, classes in zip(samples.boxes, samples.classes, strict=True)
    ]


def report(model: nn.Module, validation: Samples) -> None:
    """Print mAP50 and mAP75 on the validation scenes."""
    found, true = predict(model, validation), truths(validation)
    figures = [average_precision(found, true, classes=len(CLASS_NAMES), threshold=t) for t in (0.5, 0.75)]
    print(f"validation: mAP50 {np.nanmean(figures[0]):.4f}  mAP75 {np.nanmean(figures[1]):.4f}", flush=True)
    for name, ap50, ap75 in zip(CLASS_NAMES, *figures, strict=True):
        print(f"  {name:10s} {ap50:.3f} {ap75:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the checkpoint goes, a .pt file")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--scenes", type=int, default=7000, help="distinct training scenes")
    parser.add_argument("--validation-scenes", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu, or cuda where there is one")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    start = time.monotonic()
    seeds = range(TRAINING_SEED, TRAINING_SEED + arguments.scenes)
    samples = make_samples(seeds, jitter=True, workers=arguments.threads)
    validation = make_samples(
        range(VALIDATION_SEED, VALIDATION_SEED + arguments.validation_scenes), jitter=False, workers=arguments.threads
    )
    print(f"scenes drawn in {time.monotonic() - start:.0f} s", flush=True)
    model = train(samples, validation, steps=arguments.steps, seed=arguments.seed, device=arguments.device)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.cpu().state_dict(), arguments.out)
    print(f"done in {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
