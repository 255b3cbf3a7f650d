"""`torch.randn` on a CUDA device, computed with numpy: written from the published sources, not measured.

Sources:
- Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011): Philox4x32-10;
- PyTorch, aten/src/ATen/native/cuda/DistributionTemplates.h: `calc_execution_policy`,
  `distribution_elementwise_grid_stride_kernel`;
- cuRAND's headers, curand_philox4x32_x.h and curand_normal.h: `curand_init`, `curand_normal4`.

A GPU evaluates logf and sincosf in its own way, so its last bits can differ: compare with a
tolerance of 1e-5, never bit for bit.
"""

import numpy as np

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
BLOCK = 256
"""Threads a block: `block_size_bound` in torch's kernel."""
UNROLL = 4
"""Normals that one call of curand_normal4 gives to a thread; also the step of the generator's offset."""
LOW32 = np.uint64(0xFFFFFFFF)


def philox4x32(counter: np.ndarray, seed: int) -> np.ndarray:
    """Ten rounds over `counter` (4 x n, 32-bit words held in uint64) with the two words of the seed as key."""
    key = [seed & 0xFFFFFFFF, seed >> 32]
    c0, c1, c2, c3 = counter
    for _ in range(ROUNDS):
        product0, product1 = c0 * np.uint64(MULTIPLIERS[0]), c2 * np.uint64(MULTIPLIERS[1])
        c0, c1, c2, c3 = (
            (product1 >> np.uint64(32)) ^ c1 ^ np.uint64(key[0]),
            product1 & LOW32,
            (product0 >> np.uint64(32)) ^ c3 ^ np.uint64(key[1]),
            product0 & LOW32,
        )
        key = [(word + step) & 0xFFFFFFFF for word, step in zip(key, WEYL, strict=True)]
    return np.stack([c0, c1, c2, c3])


def fused(x: np.ndarray, scale: np.float32) -> np.ndarray:
    """x * scale + scale / 2 as one fused operation on float32, which nvcc makes of it."""
    product = x.astype(np.float32).astype(np.float64) * np.float64(scale)
    return (product + np.float64(scale / np.float32(2))).astype(np.float32)


def box_muller(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """cuRAND's `_curand_box_muller`: the sine comes first. Constants are rounded to float32 as there."""
    to_unit = np.float32(2.3283064e-10)
    to_angle = np.float32(2.3283064e-10) * np.float32(6.2831855)
    u, v = fused(x, to_unit), fused(y, to_angle)
    radius = np.sqrt(np.float32(-2) * np.log(u))
    return radius * np.sin(v), radius * np.cos(v)


class CudaGenerator:
    """Successive `torch.randn` of one CUDA generator.

    `resident_threads` is multiProcessorCount * maxThreadsPerMultiProcessor (rounded down to whole blocks) of
    the GPU. It matters only for draws of more elements than that (the smallest GPUs hold 20,480 threads, a
    512 x 512 edit draws 16,384): then a thread yields several numbers and the order changes.
    """

    def __init__(self, seed: int, resident_threads: int = 2**31):
        self.seed = seed
        self.resident_blocks = resident_threads // BLOCK
        self.offset = 0

    def randn(self, count: int) -> np.ndarray:
        """The next `count` normals, float32."""
        threads = BLOCK * min(-(-count // BLOCK), self.resident_blocks)
        calls = -(-count // (threads * UNROLL))
        out = np.empty((calls, UNROLL, threads), np.float32)
        for call in range(calls):
            counter = np.zeros((4, threads), np.uint64)
            counter[0] = self.offset // UNROLL + call
            counter[2] = np.arange(threads)
            words = philox4x32(counter, self.seed)
            out[call, 0], out[call, 1] = box_muller(words[0], words[1])
            out[call, 2], out[call, 3] = box_muller(words[2], words[3])
        self.offset += calls * UNROLL
        return out.reshape(-1)[:count]
