"""Make the golden samples of the schedulers' less common options, with IEEE's square root.

torch's float32 square root, measured on an AMD EPYC, is not rounded correctly (up to 0.75 units in the last place; 18
values in 100 differ from IEEE's), presumably since it is MKL's; it may depend on the machine. Mostly that is lost in
the rounding of everything else, but zero-SNR rescaling and the ancestral sigma_down of a very noisy first step take
small differences of roots. So here diffusers runs with numpy's root, which is rounded correctly: what differs from
these samples differs for another reason.

Writes `options/samplers.safetensors` and `options/index.json`, in the form of `samplers/`.
"""

from pathlib import Path

import numpy as np
import torch
from make_samplers import CONFIGS as COMMON
from make_samplers import ZERO_SNR, write
from schedulers import CLASSES

FOLDER = Path(__file__).parent / "options"
BASE = COMMON["linspace"]
K_DIFFUSION = ["euler", "heun", "lms"]
MULTISTEP = ["dpmpp_2m", "dpmpp_2m_karras", "unipc"]
V = {"prediction_type": "v_prediction"}
SAMPLE = {"prediction_type": "sample"}

TRAINED = {"trained_betas": [0.001 * i for i in range(1, 101)], "num_train_timesteps": 100}
LIMITS = {"use_karras_sigmas": True, "sigma_min": 0.1, "sigma_max": 10.0}
CASES: list[tuple[str, dict, list[str], list[int]]] = [
    ("zero_snr", ZERO_SNR, list(CLASSES), [1, 2, 5, 20]),
    ("steps_61", COMMON["trailing"], list(CLASSES), [61]),
    ("sample", BASE | SAMPLE, ["euler", "heun", "lms", "ddim", "ddpm", "lcm", *MULTISTEP], [5]),
    ("v", BASE | V, list(CLASSES), [5]),
    ("trained_betas", TRAINED, list(CLASSES), [5]),
    ("karras", BASE | {"use_karras_sigmas": True}, [*K_DIFFUSION, "unipc"], [1, 5, 20]),
    ("karras_limits", BASE | LIMITS, [*K_DIFFUSION, *MULTISTEP[1:]], [5]),
    ("log_linear", BASE | {"interpolation_type": "log_linear"}, ["euler"], [5]),
    ("sigma_min", BASE | {"final_sigmas_type": "sigma_min"}, ["euler", *MULTISTEP], [1, 5, 20]),
    ("karras_sigma_min", BASE | {"final_sigmas_type": "sigma_min", "use_karras_sigmas": True}, ["unipc"], [5]),
    ("heun", BASE | {"solver_type": "heun"}, ["dpmpp_2m"], [5, 20]),
    ("euler_at_final", BASE | {"euler_at_final": True, "final_sigmas_type": "sigma_min"}, ["dpmpp_2m"], [20]),
    ("lambda_min_clipped", COMMON["cosine"] | {"lambda_min_clipped": -5.1}, ["dpmpp_2m"], [5]),
    ("higher_order", BASE | {"lower_order_final": False, "final_sigmas_type": "sigma_min"}, MULTISTEP, [5]),
    ("order_1", BASE | {"solver_order": 1}, ["unipc"], [5]),
    ("order_3", BASE | {"solver_order": 3}, ["unipc"], [5, 20]),
    ("order_4", BASE | {"solver_order": 4}, ["unipc"], [20]),
    ("bh1", BASE | {"solver_type": "bh1"}, ["unipc"], [5]),
    ("bh1_sigma_min", BASE | {"solver_type": "bh1", "final_sigmas_type": "sigma_min"}, ["unipc"], [5]),
    ("disable_corrector", BASE | {"disable_corrector": [0, 2]}, ["unipc"], [5]),
    ("fixed_small_log", BASE | {"variance_type": "fixed_small_log"}, ["ddpm"], [5]),
    ("fixed_large", BASE | {"variance_type": "fixed_large"}, ["ddpm"], [5]),
    ("clip_range", BASE | {"clip_sample": True, "clip_sample_range": 0.5}, ["heun", "ddim", "ddpm", "lcm"], [5]),
    ("distilled_20", BASE | {"original_inference_steps": 20, "timestep_scaling": 5.0}, ["lcm"], [4, 21]),
    ("prk", BASE | V | {"skip_prk_steps": False, "timestep_spacing": "leading"}, ["pndm"], [3, 4, 20]),
    ("too_many", {}, ["euler", "ddim", "ddpm", "unipc"], [1001]),
    ("leading_1000", BASE | {"timestep_spacing": "leading"}, ["ddim", "dpmpp_2m"], [1000]),
]


def use_ieee_square_root() -> None:
    """Let numpy take every root of torch."""

    def root(x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.asarray(np.sqrt(x.numpy())))

    power = torch.Tensor.__pow__
    torch.sqrt = root
    torch.Tensor.sqrt = root
    torch.Tensor.__pow__ = lambda x, exponent: root(x) if exponent == 0.5 else power(x, exponent)


def main() -> None:
    use_ieee_square_root()
    wanted = ((config, name, steps) for config, _, names, all_steps in CASES for name in names for steps in all_steps)
    write(FOLDER, {config: options for config, options, _, _ in CASES}, wanted)


if __name__ == "__main__":
    main()
