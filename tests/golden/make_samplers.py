"""Make the golden schedules and samples of every scheduler on a model that is one line of arithmetic.

The model predicts `0.9 * x / (1 + |x|) + 0.2 * t / 1000` from the scaled input x and the timestep t, so that
the sampling can be tested to the last digit without ONNX Runtime. The loop is that of diffusers' pipeline:
latents = randn * init_noise_sigma, then scale_model_input, model, step, with one torch CPU generator for the
initial latents and whatever the steps draw.

Writes `samplers/samplers.safetensors` and `samplers/index.json`.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import diffusers
import torch
from recipes import INSTRUCT_PIX2PIX_SCHEDULER, RECIPES
from safetensors.torch import save_file
from schedulers import CLASSES, make_scheduler, step_arguments

FOLDER = Path(__file__).parent / "samplers"
SEED = 42
SHAPE = (1, 4, 2, 3)
STEPS = [1, 2, 5, 20]
LONG = 100
"""Cases of more steps keep only the schedule's length in check, by failing or not."""

STABLE_DIFFUSION_2 = RECIPES[1].scheduler_config
ZERO_SNR = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
    "rescale_betas_zero_snr": True,
    "clip_sample": False,
    "set_alpha_to_one": True,
    "steps_offset": 0,
}
CONFIGS = {
    "instruct_pix2pix": INSTRUCT_PIX2PIX_SCHEDULER,
    "tiny_v": STABLE_DIFFUSION_2,
    "zero_snr": ZERO_SNR,
    "leading": INSTRUCT_PIX2PIX_SCHEDULER | {"timestep_spacing": "leading"},
    "leading_offset_0": INSTRUCT_PIX2PIX_SCHEDULER | {"timestep_spacing": "leading", "steps_offset": 0},
    "linspace": INSTRUCT_PIX2PIX_SCHEDULER | {"timestep_spacing": "linspace"},
    "trailing": INSTRUCT_PIX2PIX_SCHEDULER | {"timestep_spacing": "trailing"},
    "cosine": {"beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction", "clip_sample": False},
    "clipped": {"beta_schedule": "linear", "clip_sample": True},
}


def predict(sample: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
    """The model."""
    return 0.9 * sample / (1 + sample.abs()) + 0.2 * timestep.float() / 1000


def sample(scheduler: diffusers.SchedulerMixin, steps: int) -> dict[str, torch.Tensor]:
    """The latents at the start and after each call of `step`."""
    generator = torch.Generator("cpu").manual_seed(SEED)
    scheduler.set_timesteps(steps)
    extra = step_arguments(scheduler, generator)
    latents = torch.randn(SHAPE, generator=generator) * scheduler.init_noise_sigma
    arrays = {"timesteps": scheduler.timesteps.float(), "initial": latents}
    if hasattr(scheduler, "sigmas"):
        arrays["sigmas"] = scheduler.sigmas.float()
    after = []
    for timestep in scheduler.timesteps:
        predicted = predict(scheduler.scale_model_input(latents, timestep), timestep)
        latents = scheduler.step(predicted, timestep, latents, **extra, return_dict=False)[0]
        after.append(latents)
    return arrays | {"latents": torch.stack(after)}


def record(name: str, config: dict, steps: int) -> tuple[dict, dict[str, torch.Tensor]]:
    """What the index says of a case, and its arrays; none if diffusers fails."""
    try:
        scheduler = make_scheduler(name, config)
        arrays = sample(scheduler, steps)
    except Exception as error:  # what diffusers cannot do is part of the record
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0]}, {}
    return {
        "init_noise_sigma": float(scheduler.init_noise_sigma),
        "timestep_type": str(scheduler.timesteps.dtype).removeprefix("torch."),
        "finite": bool(arrays["latents"].isfinite().all()),
    }, arrays


def write(folder: Path, configs: dict[str, dict], wanted: Iterable[tuple[str, str, int]]) -> None:
    """Make the cases, each a configuration's name, a scheduler and a number of steps, and store them."""
    torch.set_num_threads(1)
    folder.mkdir(exist_ok=True)
    stored, cases = {}, []
    for config, scheduler, steps in wanted:
        case = {"name": f"{config}.{scheduler}.{steps}", "config": config, "scheduler": scheduler, "steps": steps}
        found, arrays = record(scheduler, configs[config], steps)
        if steps > LONG and arrays:
            continue
        stored |= {f"{case['name']}.{key}": value.contiguous() for key, value in arrays.items()}
        cases.append(case | found)
    save_file(stored, folder / "samplers.safetensors")
    (folder / "samplers.safetensors").chmod(0o644)
    lines = ",\n  ".join(json.dumps(case) for case in cases)
    (folder / "index.json").write_text(
        f'{{"diffusers": "{diffusers.__version__}", "seed": {SEED}, "configs": {json.dumps(configs, indent=1)},\n'
        f'"cases": [\n  {lines}\n]}}\n'
    )
    print(f"{len(cases)} cases; not finite or failing:")
    for case in cases:
        if not case.get("finite"):
            print("  ", case)


def main() -> None:
    write(FOLDER, CONFIGS, ((config, name, steps) for config in CONFIGS for name in CLASSES for steps in STEPS))


if __name__ == "__main__":
    main()
