"""The three networks of the demo model, all of diffusers' and transformers' own classes."""

from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from scenes import SIZE

FACTOR = 4
LATENT_SIZE = SIZE // FACTOR
TEXT_WIDTH = 96
CONTEXT_LENGTH = 24


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
