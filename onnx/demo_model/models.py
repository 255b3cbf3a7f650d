"""The networks of the demo model, all of diffusers' and transformers' own classes, and their folder."""

import os
import shutil
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    EulerAncestralDiscreteScheduler,
    StableDiffusionInstructPix2PixPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizerFast

from scenes import SIZE

FACTOR = 4
LATENT_SIZE = SIZE // FACTOR
TEXT_WIDTH = 96
CONTEXT_LENGTH = 24
SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
}


def new_autoencoder() -> AutoencoderKL:
    """Factor 4, no attention: pictures of 128 pixels become latents of 4 x 32 x 32."""
    return AutoencoderKL(
        block_out_channels=(16, 32, 64),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        mid_block_add_attention=False,
        sample_size=SIZE,
    )


def new_unet(channels=(48, 96, 128)) -> UNet2DConditionModel:
    """Eight input channels; attention in the middle only, at 8 x 8.

    The instruction also reaches every block through the time embedding (`addition_embed_type`): edits
    recolour at full resolution, where attention would cost too much.
    """
    return UNet2DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=8,
        out_channels=4,
        block_out_channels=channels,
        layers_per_block=1,
        down_block_types=("DownBlock2D",) * 3,
        up_block_types=("UpBlock2D",) * 3,
        norm_num_groups=8,
        attention_head_dim=4,
        cross_attention_dim=TEXT_WIDTH,
        encoder_hid_dim=None,
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
        resnet_time_scale_shift="scale_shift",
    )


def new_text_encoder(tokenizer) -> CLIPTextModel:
    """Two small layers, enough for sentences of a few hundred known words."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=CONTEXT_LENGTH,
            projection_dim=TEXT_WIDTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def save_pipeline(folder: Path, autoencoder, unet, text_encoder, tokenizer):
    """Writes a diffusers folder beside the old one and swaps them, so that readers see a whole one."""
    pipeline = StableDiffusionInstructPix2PixPipeline(
        vae=autoencoder,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=EulerAncestralDiscreteScheduler(**SCHEDULE),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    partial, old = folder.with_suffix(".partial"), folder.with_suffix(".old")
    shutil.rmtree(partial, ignore_errors=True)
    pipeline.save_pretrained(partial)
    CLIPTokenizerFast.from_pretrained(partial / "tokenizer").backend_tokenizer.save(
        str(partial / "tokenizer/tokenizer.json")
    )
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.rename(folder, old)
    os.rename(partial, folder)
    shutil.rmtree(old, ignore_errors=True)


def latent_scale(latents: torch.Tensor) -> float:
    """The scaling factor that gives latents a standard deviation of 1."""
    return float(1 / latents.float().std())
