"""The real model's architecture with random weights: 1.07 thousand million, 860 million of them in the UNet."""

from pathlib import Path

from diffusers import EulerAncestralDiscreteScheduler
from recipes import INSTRUCT_PIX2PIX_SCHEDULER, Recipe, build

FULL_SIZE = Recipe(
    name="full_size",
    seed=3,
    merges=150,
    pad_token="<|endoftext|>",
    text={
        "vocab_size": 49408,
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "projection_dim": 768,
    },
    unet={
        "sample_size": 64,
        "block_out_channels": (320, 640, 1280, 1280),
        "layers_per_block": 2,
        "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        "attention_head_dim": 8,
    },
    vae={"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "scaling_factor": 0.18215},
    scheduler=EulerAncestralDiscreteScheduler,
    scheduler_config=INSTRUCT_PIX2PIX_SCHEDULER,
)


def make(folder: Path) -> Path:
    """Write the pipeline; 4.3 GB."""
    build(FULL_SIZE, folder / "vocabulary").save_pretrained(folder / "pipeline")
    return folder / "pipeline"
