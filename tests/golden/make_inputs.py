"""Make the golden images: how a source picture becomes the model's input, according to Pillow.

Two rules of fitting are covered (`size.fit`), and none, to see reading alone:
- `crop`, the rule of the original instruct-pix2pix repository (`edit_cli.py`), which ends in
  `ImageOps.fit(..., LANCZOS)`;
- `floor`, the rule of diffusers' `VaeImageProcessor`: each side down to a multiple of the VAE factor.

Before either, a picture is turned by its EXIF orientation and reduced to 8-bit RGB by `to_rgb`.

Writes `images/source/*`, `images/expected/*.png` and `images/index.json`; needs Pillow and numpy only.
"""

import json
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageDraw, ImageOps

FOLDER = Path(__file__).parent / "images"
EXIF_ORIENTATION = 0x0112
RESAMPLING_TOLERANCE, JPEG_TOLERANCE = 1, 4
"""Levels of 255: for the rounding of resampling, and for JPEG, whose decoders may differ by a few."""


# --- sources -------------------------------------------------------------------------------------


def picture(width: int, height: int, seed: int) -> Image.Image:
    """A gradient with hard shapes and some noise: smooth, sharp and fine detail for the resampler."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    rgb = np.stack([x, y, 1 - x * y], axis=-1) * 220 + 20
    rgb += rng.normal(0, 6, rgb.shape)
    image = Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.rectangle([width // 8, height // 8, width // 3, height // 3], fill=(250, 10, 10))
    draw.ellipse([width // 2, height // 2, width - 4, height - 4], fill=(10, 10, 60), outline=(255, 255, 255))
    draw.line([0, height - 1, width - 1, 0], fill=(0, 200, 40), width=2)
    return image


def alpha_of(image: Image.Image) -> Image.Image:
    """An alpha channel with every level from clear to opaque, and both extremes in areas."""
    ramp = np.linspace(-0.3, 1.3, image.width)[None, :].repeat(image.height, axis=0)
    return Image.fromarray((np.clip(ramp, 0, 1) * 255).round().astype(np.uint8))


def sixteen_bit(image: Image.Image) -> np.ndarray:
    """The picture with 16 bits a sample; the low byte is noise, so that dropping and rounding it differ."""
    high = np.asarray(image).astype(np.uint16)
    low = np.random.default_rng(5).integers(0, 256, high.shape, dtype=np.uint16)
    return (high << 8) | low


def write_png16(path: Path, samples: np.ndarray) -> None:
    """A 16-bit PNG written by hand, since Pillow writes only the grey kind. Shape: height, width, channels."""
    height, width, channels = samples.shape
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def write_sources(folder: Path) -> None:
    """Every kind of file that a user may hand in, at most 118 pixels a side."""
    folder.mkdir(parents=True, exist_ok=True)
    wide, tall, small = picture(118, 75, 1), picture(67, 111, 2), picture(41, 27, 3)
    wide.save(folder / "rgb.png")
    tall.save(folder / "tall.png")
    picture(96, 64, 4).save(folder / "fits.png")
    wide.convert("L").save(folder / "grey.png")
    wide.convert("1").save(folder / "bilevel.png")
    wide.quantize(64).save(folder / "palette.png")
    with_alpha = wide.copy()
    with_alpha.putalpha(alpha_of(wide))
    with_alpha.save(folder / "rgba.png")
    with_alpha.convert("LA").save(folder / "grey_alpha.png")
    wide.quantize(64).save(folder / "palette_transparent.png", transparency=3)
    write_png16(folder / "grey16.png", sixteen_bit(wide.convert("L"))[..., None])
    write_png16(folder / "rgb16.png", sixteen_bit(small))
    small_alpha = small.copy()
    small_alpha.putalpha(alpha_of(small))
    write_png16(folder / "rgba16.png", sixteen_bit(small_alpha))
    wide.save(folder / "photo.jpg", quality=95, subsampling=0)
    wide.convert("L").save(folder / "grey.jpg", quality=95)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[EXIF_ORIENTATION] = orientation
        small.save(folder / f"exif_{orientation}.png", exif=exif)
        small.save(folder / f"exif_{orientation}.jpg", exif=exif, quality=95, subsampling=0)


# --- the reference -------------------------------------------------------------------------------


def to_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB, upright: EXIF turned, 16 bits reduced to their high byte, alpha composited on white.

    The composite rounds (colour * alpha + 255 * (255 - alpha)) / 255 to the nearest level.
    """
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16") or image.mode == "I":
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image.convert("RGB"), mask=image.getchannel("A"))
        return white
    return image.convert("RGB")


def crop(image: Image.Image, resolution: int, multiple: int) -> Image.Image:
    """The original repository's rule; `multiple` is 64 there."""
    width, height = image.size
    factor = resolution / max(width, height)
    factor = math.ceil(min(width, height) * factor / multiple) * multiple / min(width, height)
    width = int((width * factor) // multiple) * multiple
    height = int((height * factor) // multiple) * multiple
    return ImageOps.fit(image, (width, height), method=Image.Resampling.LANCZOS)


def floor(image: Image.Image, vae_factor: int) -> Image.Image:
    """diffusers' rule (`VaeImageProcessor.preprocess`)."""
    width, height = (side - side % vae_factor for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


# --- cases ---------------------------------------------------------------------------------------


def cases() -> list[dict]:
    """Every source once through each rule; the RGB ones through several sizes."""
    sizes = [(64, 8), (96, 16), (128, 64), (100, 8)]
    sources = sorted(path.name for path in (FOLDER / "source").iterdir())
    listed = []
    for source in sources:
        listed.append({"source": source, "fit": "none"})
        many = source in ("rgb.png", "tall.png", "fits.png")
        for resolution, multiple in sizes if many else sizes[:1]:
            if multiple == 64 and source == "tall.png":
                continue
            listed.append({"source": source, "fit": "crop", "resolution": resolution, "multiple": multiple})
        for vae_factor in (4, 8):
            if many or vae_factor == 8:
                listed.append({"source": source, "fit": "floor", "vae_factor": vae_factor})
    return listed


def make(case: dict) -> dict:
    """Compute one case, write its picture, and say in the index what was done."""
    path = FOLDER / "source" / case["source"]
    with Image.open(path) as opened:
        upright = to_rgb(opened)
    if case["fit"] == "none":
        result, suffix = upright, "upright"
    elif case["fit"] == "crop":
        result = crop(upright, case["resolution"], case["multiple"])
        suffix = f"crop_{case['resolution']}_{case['multiple']}"
    else:
        result = floor(upright, case["vae_factor"])
        suffix = f"floor_{case['vae_factor']}"
    name = f"{path.name.replace('.', '_')}_{suffix}.png"
    result.save(FOLDER / "expected" / name, optimize=True)
    tolerance = 0 if case["fit"] == "none" else RESAMPLING_TOLERANCE
    if path.suffix == ".jpg":
        tolerance = JPEG_TOLERANCE
    return case | {"upright": list(upright.size), "size": list(result.size), "expected": name, "tolerance": tolerance}


def main() -> None:
    write_sources(FOLDER / "source")
    (FOLDER / "expected").mkdir(exist_ok=True)
    listed = [make(case) for case in cases()]
    lines = ",\n  ".join(json.dumps(case) for case in listed)
    (FOLDER / "index.json").write_text(f'{{"pillow": "{PIL.__version__}", "cases": [\n  {lines}\n]}}\n')
    print(f"{len(listed)} cases")


if __name__ == "__main__":
    main()
