"""What both trainings share: an optimizer, a clock that ends them in time, averaged weights, safe files."""

import csv
import math
import os
import time
from pathlib import Path

import torch


def has_fast_bfloat16(device: str) -> bool:
    """Whether bfloat16 is faster than float32; processors without instructions for it take ten times as long."""
    return device != "cpu" or torch.cpu.get_capabilities().get("avx512_bf16", False)


def fast_autocast(device: str):
    """Autocast to bfloat16 where that is faster."""
    return torch.autocast(device, torch.bfloat16, enabled=has_fast_bfloat16(device))


class Muon(torch.optim.Optimizer):
    """Momentum whose matrix updates are made orthogonal (K. Jordan et al., 2024), AdamW for the rest.

    A convolution counts as a matrix of (out, in * kernel). Small models learn about twice as much per
    step with it as with AdamW.
    """

    def __init__(self, model, lr: float, adam_lr: float, weight_decay: float = 0.0):
        matrices, others = [], []
        for name, parameter in model.named_parameters():
            inner = parameter.ndim >= 2 and not any(part in name for part in ("conv_in", "conv_out", "embedding"))
            (matrices if inner else others).append(parameter)
        defaults = {"weight_decay": weight_decay}
        groups = [{"params": matrices, "lr": lr, "matrix": True}, {"params": others, "lr": adam_lr, "matrix": False}]
        super().__init__(groups, defaults)
        for group in self.param_groups:
            group["peak_lr"] = group["lr"]

    def set_share(self, share: float):
        """Sets every learning rate to a share of its peak."""
        for group in self.param_groups:
            group["lr"] = group["peak_lr"] * share

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    update = self._matrix_update if group["matrix"] else self._adam_update
                    parameter.add_(update(parameter), alpha=-group["lr"])

    def _matrix_update(self, parameter):
        state = self.state[parameter]
        momentum = state.setdefault("momentum", torch.zeros_like(parameter))
        momentum.lerp_(parameter.grad, 0.05)
        blend = parameter.grad.lerp(momentum, 0.95).reshape(len(parameter), -1)
        scale = max(1.0, blend.shape[0] / blend.shape[1]) ** 0.5
        return orthogonal(blend).reshape(parameter.shape) * scale

    def _adam_update(self, parameter, beta1=0.9, beta2=0.98):
        state = self.state[parameter]
        if not state:
            state.update(count=0, mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
        state["count"] += 1
        state["mean"].lerp_(parameter.grad, 1 - beta1)
        state["square"].lerp_(parameter.grad.square(), 1 - beta2)
        mean = state["mean"] / (1 - beta1 ** state["count"])
        square = state["square"] / (1 - beta2 ** state["count"])
        return mean / (square.sqrt() + 1e-8)


def orthogonal(matrix, steps: int = 5):
    """The nearest matrix with singular values near 1, by Newton-Schulz iteration, for which bfloat16 is enough."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x.bfloat16() if has_fast_bfloat16(matrix.device.type) else x
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.T if tall else x).to(matrix.dtype)


class Clock:
    """Progress from 0 to 1 by minutes or by steps, whichever is further."""

    def __init__(self, minutes: float | None, steps: int | None):
        if not (minutes or steps):
            raise SystemExit("error: no end given\nhint: use --minutes or --steps")
        self.minutes, self.steps, self.step, self.start = minutes, steps, 0, time.monotonic()

    def elapsed_minutes(self) -> float:
        return (time.monotonic() - self.start) / 60

    def progress(self) -> float:
        by_time = self.elapsed_minutes() / self.minutes if self.minutes else 0.0
        by_step = self.step / self.steps if self.steps else 0.0
        return min(1.0, max(by_time, by_step))

    def learning_share(self, progress: float, warmup_steps: int) -> float:
        """A short linear warm-up, then a cosine to zero."""
        warm = min(1.0, (self.step + 1) / warmup_steps)
        return warm * 0.5 * (1 + math.cos(math.pi * progress))


class Average:
    """An exponential moving average of a module's parameters, young at the start."""

    def __init__(self, module, decay: float):
        self.module, self.decay, self.count = module, decay, 0
        self.weights = {name: value.detach().clone() for name, value in module.named_parameters()}

    @torch.no_grad()
    def update(self):
        self.count += 1
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        for name, value in self.module.named_parameters():
            self.weights[name].lerp_(value, 1 - decay)

    @torch.no_grad()
    def swap(self):
        """Exchanges the module's weights with the average; a second call undoes the first."""
        for name, value in self.module.named_parameters():
            current = value.detach().clone()
            value.copy_(self.weights[name])
            self.weights[name] = current


def save_atomically(state: dict, path: Path):
    """A checkpoint that is there whole or not at all."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def append_row(path: Path, row: dict):
    """Adds a row to a CSV file, with its header when the file is new."""
    new = not path.exists()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow(row)
