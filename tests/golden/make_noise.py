"""Make the golden noise: `torch.randn` on the CPU from torch itself, on CUDA from `philox.py`.

Writes `noise/torch_cpu.safetensors`, `noise/torch_cuda.safetensors` and `noise/index.json`.
"""

import json
from pathlib import Path

import numpy as np
import torch
from philox import CudaGenerator, philox4x32
from safetensors.numpy import save_file

FOLDER = Path(__file__).parent / "noise"
SEEDS = [0, 42, 2**32 + 7, 2**63, 2**64 - 1]
"""The CPU generator uses the low 32 bits alone, so 2**32 + 7 gives what 7 gives; CUDA uses all 64."""
DRAWS = [[1], [5], [15], [16], [17], [31], [64], [1003], [1, 4, 8, 8], [1, 4, 5, 7]]
SUCCESSIVE = [
    [[1, 4, 8, 8], [1, 4, 8, 8], [1, 4, 8, 8]],
    [[1, 4, 5, 7], [1, 4, 5, 7]],
    [[1, 4, 6, 7], [17], [16]],
    [[1], [1], [2]],
    [[3], [4], [17], [3]],
    [[15], [16], [15]],
]
"""Several draws from one generator, as the initial latents and then each step's noise are."""

PHILOX_VECTORS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
"""Known answers of Philox4x32-10 (kat_vectors of the Random123 distribution): counter, key, output."""

CUDA_SEED_0 = [
    [-0.92466259, -0.42534415, -2.6438457, 0.14518388],
    [-0.12086647, -0.57972564, -0.62285122, -0.32838709],
    [-1.07454231, -0.36314407, -1.67105067, 2.26550497],
]
"""Published: `torch.randn(3, 4, device="cuda")` with seed 0 (docstring of stable-diffusion-webui's rng_philox)."""


def check_philox() -> None:
    """Stop unless the generator gives the published numbers."""
    for counter, key, expected in PHILOX_VECTORS:
        words = philox4x32(np.array(counter, np.uint64)[:, None], key[0] | key[1] << 32)
        assert tuple(words[:, 0].tolist()) == expected, (counter, key)
    ours = CudaGenerator(0).randn(12).reshape(3, 4)
    assert np.abs(ours - np.array(CUDA_SEED_0)).max() < 1e-6, ours


def cpu_draws(seed: int, shapes: list[list[int]]) -> list[np.ndarray]:
    generator = torch.Generator("cpu").manual_seed(seed)
    return [torch.randn(shape, generator=generator).numpy() for shape in shapes]


def cuda_draws(seed: int, shapes: list[list[int]]) -> list[np.ndarray]:
    generator = CudaGenerator(seed)
    return [generator.randn(int(np.prod(shape))).reshape(shape) for shape in shapes]


def sequences() -> list[dict]:
    """One entry a generator: its seed and the shapes drawn from it, in order."""
    single = [[shape] for shape in DRAWS]
    return [{"seed": str(seed), "shapes": shapes} for seed in SEEDS for shapes in single + SUCCESSIVE]


def main() -> None:
    check_philox()
    FOLDER.mkdir(exist_ok=True)
    listed = sequences()
    for name, draw in (("torch_cpu", cpu_draws), ("torch_cuda", cuda_draws)):
        arrays = {}
        for number, sequence in enumerate(listed):
            for position, values in enumerate(draw(int(sequence["seed"]), sequence["shapes"])):
                arrays[f"{number}.{position}"] = values
        save_file(arrays, FOLDER / f"{name}.safetensors")
    index = {
        "torch": torch.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "sequences": listed,
    }
    (FOLDER / "index.json").write_text(json.dumps(index, indent=1) + "\n")
    print(f"{len(listed)} sequences, {index['cpu_capability']}")


if __name__ == "__main__":
    main()
