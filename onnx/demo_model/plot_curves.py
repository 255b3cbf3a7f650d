"""Plots the training curves that lie beside it as CSV.

python plot_curves.py figures
"""

import csv
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend is chosen first)


def main(folder: Path):
    figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(13, 3.8))
    draw(left, folder / "autoencoder.csv", "psnr_db", "autoencoder, PSNR in dB")
    draw(middle, folder / "editor.csv", "loss", "editor, training loss")
    draw(right, folder / "editor.csv", "gain_db", "editor, PSNR above the input in dB")
    middle.set_yscale("log")
    figure.tight_layout()
    figure.savefig(folder / "curves.png", dpi=90)


def draw(axes, path: Path, column: str, title: str):
    """One column over the steps; rows without a value are left out."""
    with open(path, newline="") as file:
        points = [(int(row["step"]), float(row[column])) for row in csv.DictReader(file) if row[column]]
    axes.plot(*zip(*points, strict=True), marker=".")
    axes.set(title=title, xlabel="steps")
    axes.grid(alpha=0.3)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
