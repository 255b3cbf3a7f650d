"""The sweep's scheduler names (DESIGN section 8) as diffusers' classes."""

import inspect

import diffusers
import torch

CLASSES = {
    "euler_ancestral": (diffusers.EulerAncestralDiscreteScheduler, {}),
    "euler": (diffusers.EulerDiscreteScheduler, {}),
    "heun": (diffusers.HeunDiscreteScheduler, {}),
    "lms": (diffusers.LMSDiscreteScheduler, {}),
    "ddim": (diffusers.DDIMScheduler, {}),
    "ddpm": (diffusers.DDPMScheduler, {}),
    "pndm": (diffusers.PNDMScheduler, {}),
    "dpmpp_2m": (diffusers.DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++", "solver_order": 2}),
    "dpmpp_2m_karras": (
        diffusers.DPMSolverMultistepScheduler,
        {"algorithm_type": "dpmsolver++", "solver_order": 2, "use_karras_sigmas": True},
    ),
    "unipc": (diffusers.UniPCMultistepScheduler, {}),
    "lcm": (diffusers.LCMScheduler, {}),
}


def make_scheduler(name: str, config: dict) -> diffusers.SchedulerMixin:
    """The named scheduler with what the model's configuration says, and its class's defaults for the rest."""
    scheduler_class, overrides = CLASSES[name]
    return scheduler_class.from_config(config, **overrides)


def step_arguments(scheduler: diffusers.SchedulerMixin, generator: torch.Generator) -> dict:
    """What the pipeline hands to `step` beside the sample: the generator, where `step` draws noise."""
    takes_generator = "generator" in inspect.signature(scheduler.step).parameters
    return {"generator": generator} if takes_generator else {}
