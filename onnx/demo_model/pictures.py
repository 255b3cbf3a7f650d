"""Pictures for training, drawn by all but one of the cores and kept in one array."""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np

from drawing import Style, render
from edits import TASKS
from scenes import sample_scene


def mixed_pictures(count: int, first_seed: int) -> np.ndarray:
    """`count` pictures, one scene each: a quarter unedited, the others in the style of some task."""
    draw = partial(_mixed_picture, first_seed)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return np.stack(list(pool.map(draw, range(count), chunksize=64)))


def _mixed_picture(first_seed: int, index: int) -> np.ndarray:
    style = Style() if index % 4 == 0 else TASKS[(index * 7) % len(TASKS)].style
    return render(sample_scene(first_seed + index), style)


def to_tensor(pictures: np.ndarray):
    """uint8 pictures as float tensors in [-1, 1], channels first."""
    import torch

    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
