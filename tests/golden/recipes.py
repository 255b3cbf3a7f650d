"""The recipes of the small pipelines, and how weights are made from a seed."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from clip_vocabulary import END, START, write_tokenizer_files
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DiffusionPipeline,
    EulerAncestralDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer


@dataclass
class Recipe:
    """What makes one pipeline."""

    name: str
    seed: int
    merges: int
    pad_token: str
    text: dict
    unet: dict
    vae: dict
    scheduler: type
    scheduler_config: dict
    fast_tokenizer: bool = False
    variants: list = field(default_factory=list)
    channels: int = 8
    """What the UNet takes: 4 to generate, 8 to edit, 9 to inpaint."""


PIPELINES = {
    4: StableDiffusionPipeline,
    8: StableDiffusionInstructPix2PixPipeline,
    9: StableDiffusionInpaintPipeline,
}


INSTRUCT_PIX2PIX_SCHEDULER = {
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}
"""The scheduler_config.json of timbrooks/instruct-pix2pix: old, so newer keys take each class's default."""

RECIPES = [
    Recipe(
        name="tiny_eps",
        seed=1,
        merges=150,
        pad_token=END,
        text={"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4},
        unet={
            "sample_size": 16,
            "block_out_channels": (32, 48),
            "layers_per_block": 1,
            "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
            "attention_head_dim": 4,
            "norm_num_groups": 8,
        },
        vae={
            "block_out_channels": (16, 32, 32),
            "layers_per_block": 1,
            "norm_num_groups": 8,
            "scaling_factor": 0.18215,
        },
        scheduler=EulerAncestralDiscreteScheduler,
        scheduler_config=INSTRUCT_PIX2PIX_SCHEDULER,
    ),
    Recipe(
        name="tiny_v",
        seed=2,
        merges=90,
        pad_token="!",
        text={
            "hidden_size": 40,
            "intermediate_size": 80,
            "num_hidden_layers": 3,
            "num_attention_heads": 5,
            "max_position_embeddings": 24,
            "hidden_act": "gelu",
        },
        unet={
            "sample_size": 12,
            "block_out_channels": (24, 32, 40),
            "layers_per_block": 2,
            "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
            "attention_head_dim": (3, 4, 5),
            "use_linear_projection": True,
            "norm_num_groups": 8,
        },
        vae={"block_out_channels": (8, 16, 24, 24), "layers_per_block": 1, "norm_num_groups": 4, "scaling_factor": 0.3},
        scheduler=DDIMScheduler,
        scheduler_config={
            "beta_start": 0.0009,
            "beta_end": 0.011,
            "beta_schedule": "linear",
            "num_train_timesteps": 1000,
            "prediction_type": "v_prediction",
            "timestep_spacing": "trailing",
            "clip_sample": False,
            "set_alpha_to_one": True,
            "skip_prk_steps": True,
            "steps_offset": 0,
        },
        fast_tokenizer=True,
        variants=["latent_sample", "timestep_rows", "int32_ids"],
    ),
]

SMALL = {
    "merges": 60,
    "pad_token": END,
    "text": {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2},
    "unet": {
        "sample_size": 12,
        "block_out_channels": (16, 24),
        "layers_per_block": 1,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "attention_head_dim": 2,
        "norm_num_groups": 8,
    },
    "vae": {"block_out_channels": (8, 8, 12), "layers_per_block": 1, "norm_num_groups": 4, "scaling_factor": 0.18215},
}
OLD_PNDM = {
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "num_train_timesteps": 1000,
}
"""An old file: what the pipelines' constructors rewrite, it does not even say."""
CLIPPING_DDIM = {
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": True,
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "skip_prk_steps": False,
    "steps_offset": 0,
}
KIND_RECIPES = [
    Recipe(name="tiny_generate", seed=3, channels=4, scheduler=PNDMScheduler, scheduler_config=OLD_PNDM, **SMALL),
    Recipe(name="tiny_inpaint", seed=4, channels=9, scheduler=DDIMScheduler, scheduler_config=CLIPPING_DDIM, **SMALL),
]
"""Pipelines of the other kinds; small, for what readers of folders could assume is varied above."""


def randomise(model: torch.nn.Module, generator: torch.Generator) -> None:
    """Weights that keep the scale of what passes through, so that outputs depend visibly on every input."""
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if "embedding" in name and "time" not in name:
            parameter.data = 0.5 * noise
        elif parameter.ndim >= 2:
            parameter.data = noise / parameter[0].numel() ** 0.5
        elif name.endswith("weight"):
            parameter.data = 1 + 0.1 * noise
        else:
            parameter.data = 0.1 * noise


def rescale(layer: torch.nn.Module, outputs: torch.Tensor, wanted: float) -> None:
    """Scale a last layer so that the outputs seen have the wanted spread about zero."""
    layer.weight.data *= wanted / outputs.std()
    layer.bias.data *= 0


@torch.no_grad()
def build(recipe: Recipe, tokenizer_folder: Path) -> DiffusionPipeline:
    """The pipeline with weights made from the recipe's seed."""
    generator = torch.Generator("cpu").manual_seed(recipe.seed)
    write_tokenizer_files(tokenizer_folder, recipe.merges)
    context = recipe.text.get("max_position_embeddings", 77)
    tokenizer = CLIPTokenizer.from_pretrained(tokenizer_folder, pad_token=recipe.pad_token, model_max_length=context)
    tokens = {
        "bos_token_id": tokenizer.convert_tokens_to_ids(START),
        "eos_token_id": tokenizer.convert_tokens_to_ids(END),
        "pad_token_id": tokenizer.pad_token_id,
    }
    text = {"vocab_size": len(tokenizer)} | tokens | recipe.text
    text_encoder = CLIPTextModel(CLIPTextConfig(**text)).eval()
    unet = UNet2DConditionModel(
        in_channels=recipe.channels, cross_attention_dim=recipe.text["hidden_size"], **recipe.unet
    ).eval()
    levels = len(recipe.vae["block_out_channels"])
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        sample_size=recipe.unet["sample_size"] * 2 ** (levels - 1),
        **recipe.vae,
    ).eval()
    for model in (text_encoder, unet, vae):
        randomise(model, generator)
    calibrate(recipe, unet, vae, generator)
    scheduler = recipe.scheduler.from_config(recipe.scheduler_config)
    return PIPELINES[recipe.channels](
        vae,
        text_encoder,
        tokenizer,
        unet,
        scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def calibrate(recipe: Recipe, unet: UNet2DConditionModel, vae: AutoencoderKL, generator: torch.Generator) -> None:
    """Unit spread for predictions, natural spreads for latents and pictures."""

    def randn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    image = torch.nn.functional.interpolate(randn(4, 3, 8, 8), size=(64, 64), mode="bicubic") * 0.5
    mean = vae.encode(image).latent_dist.mean
    rescale(vae.quant_conv, mean, 0.8 / recipe.vae["scaling_factor"])
    conditioning = vae.encode(image).latent_dist.mean
    size = conditioning.shape[-2:]
    mask = [(randn(4, 1, *size) > 0).float()] if recipe.channels == 9 else []
    beside = [*mask, conditioning] if recipe.channels > 4 else []
    sample = torch.cat([randn(4, 4, *size), *beside], dim=1)
    context = randn(4, recipe.text.get("max_position_embeddings", 77), recipe.text["hidden_size"])
    predicted = unet(sample, torch.tensor([10, 300, 600, 990]), context).sample
    rescale(unet.conv_out, predicted, 1.0)
    rescale(vae.decoder.conv_out, vae.decode(3 * randn(4, 4, *size) / recipe.vae["scaling_factor"]).sample, 0.4)
