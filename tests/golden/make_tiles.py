"""Make the golden of the VAE in overlapping tiles: encoding, decoding and an edit on the demo model, at 332 x 204.

The tiles' places follow from the rule that `numerics.vae_tile` states (no longer than 128 pixels, all alike, evenly
placed, a quarter shared); the blending weighs each pixel by the square of its distance to the edges of its tile, sums
whole weight images and divides by their sum. The VAE is torch's, with the
weights of the committed ONNX folder; the steps between are diffusers' pipeline, float32, CPU. Writes
`runs/tiles/{input,decoded,edited}.png` and `runs/tiles/latents.safetensors`.
"""

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from make_inputs import picture
from make_odd_size import restored
from PIL import Image
from safetensors.numpy import save_file

FOLDER = Path(__file__).parent / "runs/tiles"
SIZE = (332, 204)
TILE = 128


def places(length: int, longest: int) -> tuple[int, list[int]]:
    """The side of the fewest tiles that cover a length and share a quarter, and where they begin."""
    if length <= longest:
        return length, [0]
    count = 2
    while 4 * length / (3 * count + 1) > longest:
        count += 1
    side = math.ceil(4 * length / (3 * count + 1))
    step = (length - side) / (count - 1)
    return side, [math.floor(tile * step + 0.5) for tile in range(count)]


def tent(side: int) -> np.ndarray:
    """The distance of each pixel's middle from the nearer edge."""
    middles = np.arange(side) + 0.5
    return np.minimum(middles, side - middles)


def tiled(code: Callable[[torch.Tensor], torch.Tensor], given: np.ndarray, scales: tuple[int, int]) -> np.ndarray:
    """An array (1, channels, height, width) through the VAE tile by tile; scales are pixels a latent, in and out."""
    scale_in, scale_out = scales
    factor = max(scales)
    lengths = [side // scale_in for side in given.shape[2:]]
    (height, tops), (width, lefts) = (places(length, TILE // factor) for length in lengths)
    total = weight = None
    for top in tops:
        for left in lefts:
            rows = slice(top * scale_in, (top + height) * scale_in)
            columns = slice(left * scale_in, (left + width) * scale_in)
            with torch.no_grad():
                coded = code(torch.from_numpy(given[:, :, rows, columns].copy())).numpy().astype(np.float64)
            if total is None:
                shape = [length * scale_out for length in lengths]
                total, weight = np.zeros((*coded.shape[:2], *shape)), np.zeros(shape)
            rows = slice(top * scale_out, (top + height) * scale_out)
            columns = slice(left * scale_out, (left + width) * scale_out)
            share = np.outer(tent(height * scale_out), tent(width * scale_out)) ** 2
            total[:, :, rows, columns] += share * coded
            weight[rows, columns] += share
    return (total / weight).astype(np.float32)


def save(pixels: np.ndarray, name: str) -> None:
    """Pixels in [-1, 1] as diffusers makes an image of them."""
    levels = (np.clip(pixels[0] / 2 + 0.5, 0, 1) * 255).round().astype(np.uint8)
    Image.fromarray(levels.transpose(1, 2, 0)).save(FOLDER / name, optimize=True)


def main() -> None:
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    image = picture(*SIZE, seed=9)
    image.save(FOLDER / "input.png", optimize=True)
    pixels = np.asarray(image, np.float32).transpose(2, 0, 1)[None] / 255 * 2 - 1
    with tempfile.TemporaryDirectory() as folder:
        pipe = restored(Path(folder))
        vae, factor = pipe.vae, pipe.vae_scale_factor
        latents = tiled(lambda tile: vae.encode(tile).latent_dist.mean, pixels, (factor, 1))
        decode = lambda latents: tiled(lambda tile: vae.decode(tile).sample, latents, (1, factor))  # noqa: E731
        save(decode(latents), "decoded.png")
        edited = pipe(
            "make it winter",
            image=torch.from_numpy(latents),
            negative_prompt="",
            guidance_scale=5.0,
            image_guidance_scale=1.5,
            num_inference_steps=4,
            generator=torch.Generator("cpu").manual_seed(42),
            output_type="latent",
        ).images
        save(decode((edited / vae.config.scaling_factor).numpy()), "edited.png")
    save_file({"latents": latents}, FOLDER / "latents.safetensors")


if __name__ == "__main__":
    main()
