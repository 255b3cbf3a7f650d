"""Structural similarities by scikit-image: `ssim.json`, and those inside and outside of a mask: `masked.json`.

Its map has one value for the window of 7 x 7 pixels around each pixel. Taken are those of whole windows, every fourth
in both directions, as `ip2p` takes them.
"""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import skimage
from PIL import Image
from skimage.metrics import structural_similarity

HERE = Path(__file__).parent
WINDOW, STRIDE = 7, 4
REC_601 = 0.299, 0.587, 0.114
IMAGES = {
    "64 x 48": ["input/64x48.png", "tiny_eps/euler.png", "tiny_eps/ddim.png", "tiny_eps/formula_image_1.png"],
    "96 x 64": ["input/96x64.png", "tiny_v/euler_ancestral.png", "tiny_v/formula_text_0.png"],
}


def luma(path: str) -> np.ndarray:
    return np.asarray(Image.open(HERE / "runs" / path).convert("RGB"), np.float64) @ REC_601


def similarity(expected: str, actual: str) -> float:
    _, of_pixels = structural_similarity(luma(expected), luma(actual), win_size=WINDOW, data_range=255, full=True)
    margin = WINDOW // 2
    whole = of_pixels[margin:-margin, margin:-margin]
    return float(whole[::STRIDE, ::STRIDE].mean())


def mask_of(height: int, width: int) -> np.ndarray:
    """Grey levels of a mask; those of 128 and above are inside."""
    down, across = np.mgrid[:height, :width]
    return (across * 5 + down * 3) % 256


def masked(expected: str, actual: str) -> dict[str, float]:
    """Mean change of all levels, and mean similarity of the windows by where their middle lies."""
    one, other = (
        np.asarray(Image.open(HERE / "runs" / path).convert("RGB"), np.float64) for path in (expected, actual)
    )
    inside = mask_of(*one.shape[:2]) >= 128
    _, of_pixels = structural_similarity(luma(expected), luma(actual), win_size=WINDOW, data_range=255, full=True)
    margin = WINDOW // 2
    taken = np.zeros_like(inside)
    taken[margin:-margin:STRIDE, margin:-margin:STRIDE] = True
    change = abs(one - other).mean(axis=2) / 255
    return {
        "change_inside": float(change[inside].mean()),
        "ssim_inside": float(of_pixels[taken & inside].mean()),
        "change_outside": float(change[~inside].mean()),
        "ssim_outside": float(of_pixels[taken & ~inside].mean()),
    }


def main():
    parts = [
        {"expected": expected, "actual": actual} | masked(expected, actual)
        for paths in IMAGES.values()
        for expected, actual in combinations(paths, 2)
    ]
    (HERE / "masked.json").write_text(
        json.dumps({"scikit-image": skimage.__version__, "cases": parts}, indent=1) + "\n"
    )
    cases = [
        {"expected": expected, "actual": actual, "ssim": similarity(expected, actual)}
        for paths in IMAGES.values()
        for expected, actual in combinations(paths, 2)
    ]
    text = json.dumps({"scikit-image": skimage.__version__, "cases": cases}, indent=1)
    (HERE / "ssim.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
