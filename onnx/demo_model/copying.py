"""Teaches guidance to leave alone what an edit does not touch.

Guidance multiplies the difference of the predictions with and without instruction. Where a local edit
changes nothing that difference should be nothing; learned one prediction at a time it is small, and several
times as large once guided. So here the three predictions are made together, combined as a sampler
combines them, and compared with the picture where it is untouched.
"""

from dataclasses import dataclass

import numpy as np
import torch

from sampling import guide

TEXT_SCALES, IMAGE_SCALES = (1.0, 9.0), (1.0, 2.0)
FIRST_TIME, GAPS = 10, (20, 150)
UNTOUCHED = 0.3  # mean squared change of a place's latents at which it counts half
LARGEST_WEIGHT = 20.0  # of the squared error of the predicted picture, over that at the same noise


@dataclass
class Guided:
    """Velocities wanted and predicted, one row a pair, and what guidance makes of the predictions."""

    wanted: torch.Tensor
    edited: torch.Tensor
    free: torch.Tensor
    guided: torch.Tensor
    weight: torch.Tensor


def predict_guided(networks, alphas, batch, empty, rng) -> Guided:
    """The three predictions of a step that follows a step of the model's own, with random scales.

    The earlier step, at more noise, gives pictures with a share of the errors that guidance makes; from them
    the true picture is wanted, so that errors of early steps do not stay.
    """
    count, device = len(batch.source), batch.target.device
    times = np.maximum(rng.random(count) ** 1.5 * 1000, FIRST_TIME).astype(np.int64)
    earlier = np.minimum(times + rng.integers(*GAPS, count), 999)
    scales = [_column(rng.uniform(*limits, count), device) for limits in (TEXT_SCALES, IMAGE_SCALES)]
    with torch.no_grad():
        signal, sigma, steps = _noise_level(alphas, earlier, device)
        noisy = signal * batch.target + sigma * torch.randn_like(batch.target)
        velocity = guide(_branches(networks, noisy, batch, steps, empty), *scales)
        error = signal * noisy - sigma * velocity - batch.target
        reached = batch.target + _column(rng.random(count), device) * error
    signal, sigma, steps = _noise_level(alphas, times, device)
    noisy = signal * reached + sigma * torch.randn_like(reached)
    branches = _branches(networks, noisy, batch, steps, empty)
    return Guided(
        wanted=(signal * noisy - batch.target) / sigma,
        edited=branches[0],
        free=branches[2],
        guided=guide(branches, *scales),
        weight=(LARGEST_WEIGHT * sigma.square()).clamp(max=1.0),
    )


def copying_error(result: Guided, change) -> torch.Tensor:
    """Weighted squared error of the guided prediction where the edit leaves the picture alone."""
    untouched = UNTOUCHED / (UNTOUCHED + change)
    return (result.weight * untouched * (result.guided - result.wanted).square()).mean()


def _branches(networks, noisy, batch, times, empty):
    """Velocities with image and instruction, with the image alone, with neither."""
    text = networks["text"](torch.cat([batch.tokens, empty]))[0]
    text = torch.cat([text[:-1], text[-1:].expand(2 * len(noisy), -1, -1)])
    image = torch.cat([batch.source, batch.source, torch.zeros_like(batch.source)])
    inputs = torch.cat([torch.cat([noisy] * 3), image], 1).contiguous(memory_format=torch.channels_last)
    return networks["unet"](inputs, times.repeat(3), text, return_dict=False)[0].float().chunk(3)


def _noise_level(alphas, times, device):
    """Signal and noise of time steps, as factors, and the steps."""
    times = torch.from_numpy(times).to(device)
    alpha = alphas[times].view(-1, 1, 1, 1)
    return alpha.sqrt(), (1 - alpha).sqrt(), times


def _column(values, device):
    return torch.from_numpy(values).float().view(-1, 1, 1, 1).to(device)
