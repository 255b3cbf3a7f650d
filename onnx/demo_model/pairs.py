"""Draws scenes before and after edits and encodes them once, so that training reads only latents.

python pairs.py --work WORK --scenes 3500
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from drawing import render
from edits import SINGLES, TASKS
from models import LATENT_SIZE, new_autoencoder
from pictures import to_tensor
from scenes import SIZE, sample_scene
from training import fast_autocast

EDITS_PER_SCENE = 12
FIRST_SEED = 1_000_000
HARD = {"castle": 3.0, "rainbow": 2.5, "no clouds": 1.5, "desert": 2.0, "winter": 1.5, "night": 1.5, "sketch": 1.5}
WEIGHTS = np.array(
    [HARD.get(task.name, 0.6 if "house" in task.name else 1.0) for task in TASKS[: len(SINGLES)]]
    + [0.3] * (len(TASKS) - len(SINGLES))
)


@dataclass
class Pairs:
    """Latents (not scaled): sources (scene, 4, s, s), targets (scene, edit, 4, s, s), tasks (scene, edit)."""

    sources: torch.Tensor
    targets: torch.Tensor
    tasks: torch.Tensor


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder with autoencoder.pt, and for the results")
    parser.add_argument("--scenes", type=int, default=3500)
    parser.add_argument("--draw-only", action="store_true", help="draw the pictures and leave them for a later call")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    pictures, tasks = draw_pairs(args.work / "pairs.npy", args.scenes)
    if not args.draw_only:
        encode_pairs(pictures, tasks, args.work, args.device)


def tasks_of(seed: int) -> np.ndarray:
    """The indices in TASKS of a scene's edits: distinct ones, hard ones more often."""
    rng = np.random.default_rng((seed, 1))
    return rng.choice(len(TASKS), EDITS_PER_SCENE, replace=False, p=WEIGHTS / WEIGHTS.sum())


def draw_pairs(path: Path, scenes: int):
    """Pictures (scene, 1 + edits, SIZE, SIZE, 3) on disk, the unedited one first, and the task numbers."""
    seeds = range(FIRST_SEED, FIRST_SEED + scenes)
    tasks = np.stack([tasks_of(seed) for seed in seeds])
    if not path.exists():
        partial = path.with_suffix(".partial")
        shape = (scenes, 1 + EDITS_PER_SCENE, SIZE, SIZE, 3)
        pictures = np.lib.format.open_memmap(partial, "w+", np.uint8, shape)
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            for index, row in enumerate(pool.map(_draw_scene, seeds, chunksize=16)):
                pictures[index] = row
        pictures.flush()
        os.replace(partial, path)
    return np.load(path, mmap_mode="r"), tasks


def _draw_scene(seed: int) -> np.ndarray:
    scene = sample_scene(seed)
    return np.stack([render(scene)] + [render(scene, TASKS[task].style) for task in tasks_of(seed)])


@torch.no_grad()
def encode_pairs(pictures, tasks, work: Path, device: str):
    """Means of the encoder's distribution; in bfloat16, where that is used, their error is 0.6 % of their spread."""
    model = new_autoencoder()
    model.load_state_dict(torch.load(work / "autoencoder.pt", map_location="cpu")["average"])
    model = model.to(device, memory_format=torch.channels_last).eval()
    latents = torch.empty(*pictures.shape[:2], 4, LATENT_SIZE, LATENT_SIZE, dtype=torch.float16)
    for index, row in enumerate(pictures):
        batch = to_tensor(np.array(row)).to(device).contiguous(memory_format=torch.channels_last)
        with fast_autocast(device):
            latents[index] = model.encode(batch).latent_dist.mean.half().cpu()
        if index % 250 == 0:
            print(f"encoded {index} of {len(pictures)} scenes", flush=True)
    partial = work / "latents.partial"
    torch.save(
        {"sources": latents[:, 0].clone(), "targets": latents[:, 1:].clone(), "tasks": torch.from_numpy(tasks)}, partial
    )
    os.replace(partial, work / "latents.pt")


def load_pairs(work: Path) -> Pairs:
    return Pairs(**torch.load(work / "latents.pt"))


if __name__ == "__main__":
    main()
