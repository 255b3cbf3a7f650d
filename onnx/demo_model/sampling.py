"""Edits many latents at once, each row with its own scales and seed, as diffusers' pipeline does one."""

import torch

from models import LATENT_SIZE


@torch.no_grad()
def edit(unet, scheduler, source, text, empty_text, text_scales, image_scales, seeds, steps):
    """Latents (not yet divided by the scaling factor) of edited pictures.

    `source` are the means of the encoded inputs; `text` has a row each, `empty_text` is one row;
    scales and seeds are one number a row. Noise is drawn as by the pipeline with a generator a picture.
    """
    count = len(source)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    scheduler.set_timesteps(steps)
    shape = (1, 4, LATENT_SIZE, LATENT_SIZE)
    latents = torch.cat([torch.randn(shape, generator=generator) for generator in generators]).to(source.device)
    latents = latents * scheduler.init_noise_sigma
    image = torch.cat([source, source, torch.zeros_like(source)])
    embeddings = torch.cat([text, empty_text.expand(2 * count, -1, -1)])
    by_text, by_image = (
        torch.tensor(scales, device=source.device).view(-1, 1, 1, 1) for scales in (text_scales, image_scales)
    )
    takes_noise = scheduler.__class__.__name__.startswith(("EulerAncestral", "DDPM"))
    for time in scheduler.timesteps:
        scaled = scheduler.scale_model_input(latents, time)
        output = unet(torch.cat([torch.cat([scaled] * 3), image], 1), time, embeddings, return_dict=False)[0].float()
        guided = guide(output.chunk(3), by_text, by_image)
        noise = {"generator": generators} if takes_noise else {}
        latents = scheduler.step(guided, time, latents, **noise).prev_sample
    return latents


def guide(branches, text_scale, image_scale):
    """Combines the predictions with image and instruction, with the image alone, with neither."""
    edited, kept, free = branches
    return free + text_scale * (edited - kept) + image_scale * (kept - free)
