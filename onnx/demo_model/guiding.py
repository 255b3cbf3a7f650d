"""Teaches guidance what its two scales should do, since it multiplies the errors of single predictions.

Guidance adds up differences of predictions with and without instruction and image. Learned one prediction at a
time these are a little wrong everywhere, and several times as wrong once guided: untouched places change, and
strong edits are turned back at large scales. So here the three predictions are made together, combined as a
sampler combines them, and compared with the picture wanted at these scales: the input moved along the edit, less
far or farther than its true end. Where the edit changes nothing that is the input itself.
"""

from dataclasses import dataclass

import numpy as np
import torch

from sampling import guide

TEXT_SCALES, IMAGE_SCALES = (0.5, 12.0), (1.0, 3.0)  # drawn evenly in their logarithms
USUAL_SCALES = 5.0, 1.5  # lead to the true edit
TEXT_REACH, IMAGE_REACH = 0.08, 0.64  # how much farther along the edit one more of a scale leads, or less far
FIRST_TIME, GAPS = 10, (20, 150)
UNTOUCHED = 0.3  # mean squared change of a place's latents at which it counts halfway between the two
TOUCHED_WEIGHT = 0.25  # of a place that an edit of the whole picture changes much, over that of an untouched one
LARGEST_WEIGHT = 20.0  # of the squared error of the predicted picture, over that at the same noise


@dataclass
class Guided:
    """Velocities wanted and predicted, one row a pair, and what guidance makes of the predictions."""

    true: torch.Tensor
    edited: torch.Tensor
    wanted: torch.Tensor
    guided: torch.Tensor
    weight: torch.Tensor


def reach(text_scale, image_scale):
    """How far along the edit guidance should lead, of arrays or tensors: 0 is the input, 1 the true edit."""
    text, image = USUAL_SCALES
    return (1 + TEXT_REACH * (text_scale - text) - IMAGE_REACH * (image_scale - image)).clip(min=0)


def predict_guided(networks, alphas, batch, latent_scale, empty, rng) -> Guided:
    """The three predictions of a step that follows a step of the model's own, with random scales.

    The earlier step, at more noise, gives pictures with a share of the errors that guidance makes; from them
    the wanted picture is wanted, so that errors of early steps do not stay.
    """
    count, device = len(batch.source), batch.target.device
    times = np.maximum(rng.random(count) ** 2 * 1000, FIRST_TIME).astype(np.int64)
    earlier = np.minimum(times + rng.integers(*GAPS, count), 999)
    scales = [_column(np.exp(rng.uniform(*np.log(limits), count)), device) for limits in (TEXT_SCALES, IMAGE_SCALES)]
    source = batch.source * latent_scale
    picture = source + reach(*scales) * (batch.target - source)
    with torch.no_grad():
        signal, sigma, steps = _noise_level(alphas, earlier, device)
        noisy = signal * picture + sigma * torch.randn_like(picture)
        velocity = guide(_branches(networks, noisy, batch, steps, empty), *scales)
        error = signal * noisy - sigma * velocity - picture
        reached = picture + _column(rng.random(count), device) * error
    signal, sigma, steps = _noise_level(alphas, times, device)
    noisy = signal * reached + sigma * torch.randn_like(reached)
    branches = _branches(networks, noisy, batch, steps, empty)
    return Guided(
        true=(signal * noisy - batch.target) / sigma,
        edited=branches[0],
        wanted=(signal * noisy - picture) / sigma,
        guided=guide(branches, *scales),
        weight=(LARGEST_WEIGHT * sigma.square()).clamp(max=1.0),
    )


def guiding_error(result: Guided, change, is_local) -> torch.Tensor:
    """Weighted squared error of the guided prediction; places that the edit leaves alone count most.

    All places of a local edit count alike: its edges are where guidance spills over.
    """
    touched = torch.where(is_local.view(-1, 1, 1, 1), 1.0, TOUCHED_WEIGHT)
    share = (UNTOUCHED + touched * change) / (UNTOUCHED + change)
    return (result.weight * share * (result.guided - result.wanted).square()).mean()


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
