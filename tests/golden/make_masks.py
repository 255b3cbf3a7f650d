"""Make the golden masks: files of every mode and size, and what diffusers' image processors and Pillow make of them.

Levels are stored as uint8 arrays, (height, width) of masks, (height, width, 3) of images.
Writes `masks/source/*`, `masks/masks.safetensors` and `masks/index.json`.
"""

import json
from pathlib import Path

import diffusers
import numpy as np
import PIL
import torch
from diffusers.image_processor import VaeImageProcessor
from make_inputs import picture
from PIL import Image, ImageOps
from safetensors.numpy import save_file
from scipy.ndimage import grey_dilation

FOLDER = Path(__file__).parent / "masks"
WIDTH, HEIGHT, FACTOR = 48, 32, 4
PROCESSOR = VaeImageProcessor(vae_scale_factor=FACTOR, do_normalize=False, do_binarize=True, do_convert_grayscale=True)
IMAGES = VaeImageProcessor(vae_scale_factor=FACTOR)


REGIONS = [(32, 32, 3), (WIDTH, HEIGHT, 0), (56, 16, 2), (16, 40, 1)]
"""Width and height of what is repainted, and padding: square in a wide image, its own shape, shapes hardly met."""


def shapes(width: int, height: int, seed: int) -> np.ndarray:
    """A soft blob, a hard bar and some noise on black."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    x, y = x / width, y / height
    blob = 255 * np.clip(1.4 - 5 * np.hypot(x - 0.4, y - 0.45), 0, 1)
    bar = 255.0 * ((x > 0.62) & (x < 0.7) & (y > 0.2) & (y < 0.8))
    noise = generator.integers(-40, 40, (height, width)) * (blob > 0)
    return np.clip(np.maximum(blob, bar) + noise, 0, 255).astype(np.uint8)


def sources() -> dict[str, Image.Image]:
    """Masks by the names of their files."""
    generator = np.random.default_rng(11)
    found = {}
    for size, (width, height) in {"same": (WIDTH, HEIGHT), "larger": (67, 50), "smaller": (24, 16)}.items():
        grey = Image.fromarray(shapes(width, height, len(found)))
        levels = np.asarray(grey)
        tint = generator.integers(-30, 30, (height, width, 3)) * (levels > 0)[..., None]
        colours = Image.fromarray(np.clip(levels[..., None] + tint, 0, 255).astype(np.uint8))
        alpha = Image.fromarray(generator.integers(0, 256, (height, width), dtype=np.uint8))
        rgba, grey_alpha = colours.copy(), grey.copy()
        rgba.putalpha(alpha)
        grey_alpha.putalpha(alpha)
        found |= {
            f"{size}_l.png": grey,
            f"{size}_rgb.png": colours,
            f"{size}_1.png": grey.point(lambda level: level > 100, "1"),
            f"{size}_p.png": colours.quantize(13),
            f"{size}_rgba.png": rgba,
            f"{size}_la.png": grey_alpha,
            f"{size}_p.gif": colours.quantize(9),
            f"{size}_l.bmp": grey,
            f"{size}_p.bmp": colours.quantize(200),
            f"{size}_l.jpg": grey,
        }
    return found


def disk(radius: int) -> np.ndarray:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return x * x + y * y <= radius * radius


def levels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"))


def of_file(mask: Image.Image, original: Image.Image, made: Image.Image) -> tuple[dict, dict]:
    """What becomes of a mask on the way; arrays, and facts for the index."""
    resized = PROCESSOR.resize(mask, HEIGHT, WIDTH)
    binary = PROCESSOR.preprocess(mask, height=HEIGHT, width=WIDTH)
    latents = torch.nn.functional.interpolate(binary, size=(HEIGHT // FACTOR, WIDTH // FACTOR))
    arrays = {
        "resized": levels(resized),
        "fitted": levels(ImageOps.fit(mask, (WIDTH, HEIGHT), Image.Resampling.LANCZOS)),
        "latents": (latents[0, 0].numpy()).astype(np.uint8),
        "overlay": np.asarray(IMAGES.apply_overlay(resized, original, made)),
    }
    facts = {"mode": mask.mode, "repainted": float(binary.mean(dtype=torch.float64))}
    if mask.size != original.size:
        return arrays, facts
    for number, (width, height, padding) in enumerate(REGIONS):
        region = PROCESSOR.get_crop_region(mask, width, height, pad=padding)
        cut_mask = PROCESSOR.resize(mask.crop(region), height, width, resize_mode="fill")
        cut_image = IMAGES.resize(original.crop(region), height, width, resize_mode="fill")
        result = picture(width, height, seed=22)
        facts.setdefault("regions", []).append(
            {"width": width, "height": height, "padding": padding, "region": list(region)}
        )
        arrays |= {
            f"{number}.mask": levels(cut_mask),
            f"{number}.image": np.asarray(cut_image),
            f"{number}.overlay": np.asarray(IMAGES.apply_overlay(mask, original, result, region)),
        }
    return arrays, facts


def edits(grey: Image.Image) -> tuple[dict, list]:
    """A grey mask inverted, grown and blurred."""
    arrays, listed = {}, []
    for invert, grow, blur in [
        (True, 0, 0.0),
        (False, 1, 0.0),
        (False, 5, 0.0),
        (False, 0, 0.4),
        (False, 0, 1.0),
        (False, 0, 4.0),
        (False, 0, 9.7),
        (False, 0, 40.0),
        (True, 3, 2.5),
    ]:
        edited = ImageOps.invert(grey) if invert else grey
        if grow:
            edited = Image.fromarray(grey_dilation(np.asarray(edited), footprint=disk(grow), mode="constant", cval=0))
        arrays[f"edit.{len(listed)}"] = levels(PROCESSOR.blur(edited, blur))
        listed.append({"invert": invert, "grow": grow, "blur": blur})
    return arrays, listed


def main() -> None:
    (FOLDER / "source").mkdir(parents=True, exist_ok=True)
    original, made = picture(WIDTH, HEIGHT, seed=21), picture(WIDTH, HEIGHT, seed=22)
    arrays = {"original": np.asarray(original), "made": np.asarray(made)}
    listed = []
    for name, image in sources().items():
        path = FOLDER / "source" / name
        image.save(path)
        found, facts = of_file(Image.open(path), original, made)
        arrays |= {f"{name}.{key}": value for key, value in found.items()}
        listed.append({"source": name} | facts)
    found, edited = edits(Image.open(FOLDER / "source/same_l.png"))
    # The overlay of every level over every level, where its rounding shows.
    both = np.mgrid[0:256, 0:256].astype(np.uint8)
    every = Image.fromarray(both[0]), Image.fromarray(np.stack([both[1]] * 3, -1))
    for level in (0, 77, 255):
        new = Image.new("RGB", (256, 256), (level, level, level))
        found[f"every.{level}"] = np.asarray(IMAGES.apply_overlay(every[0], every[1], new))[..., 0]
    arrays |= found
    for width, height, _ in REGIONS:
        arrays[f"result.{width}x{height}"] = np.asarray(picture(width, height, seed=22))
    save_file({key: np.ascontiguousarray(value) for key, value in arrays.items()}, FOLDER / "masks.safetensors")
    (FOLDER / "masks.safetensors").chmod(0o644)
    lines = ",\n  ".join(json.dumps(case) for case in listed)
    (FOLDER / "index.json").write_text(
        f'{{"pillow": "{PIL.__version__}", "diffusers": "{diffusers.__version__}",\n"width": {WIDTH}, '
        f'"height": {HEIGHT}, "factor": {FACTOR}, "edits": {json.dumps(edited)},\n"masks": [\n  {lines}\n]}}\n'
    )
    print(f"{len(listed)} masks")


if __name__ == "__main__":
    main()
