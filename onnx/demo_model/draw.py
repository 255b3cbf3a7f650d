"""Draws scenes as PNG files: inputs for sweeps, or all single edits of one scene as a sheet.

    python draw.py 8100003 8100007 --out pictures
    python draw.py 8100003 --edits --out pictures

Seeds from 8,000,000 on are never trained on.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from drawing import render
from edits import SINGLES
from scenes import sample_scene


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--edits", action="store_true", help="a sheet of the scene and its edits instead of the scene")
    parser.add_argument("--out", type=Path, required=True, help="folder for the PNG files")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for seed in args.seeds:
        picture = edits_sheet(seed) if args.edits else render(sample_scene(seed))
        Image.fromarray(picture).save(args.out / f"scene_{seed}.png")


def edits_sheet(seed: int, columns: int = 8) -> np.ndarray:
    """The scene, then every single edit of it, in rows."""
    scene = sample_scene(seed)
    pictures = [render(scene)] + [render(scene, edit.style()) for edit in SINGLES]
    pictures += [np.full_like(pictures[0], 255)] * (-len(pictures) % columns)
    rows = [np.concatenate(pictures[start : start + columns], 1) for start in range(0, len(pictures), columns)]
    return np.concatenate(rows)


if __name__ == "__main__":
    main()
