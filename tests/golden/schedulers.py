"""The sweep's scheduler names as diffusers' classes."""

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


def derive(name: str, written: diffusers.SchedulerMixin) -> diffusers.SchedulerMixin:
    """The named scheduler from a pipeline's own, with whatever the pipeline's constructor has rewritten.

    `from_config` takes what a file did not say for its own class's default, even if a constructor has rewritten it
    since; here a rewritten value is inherited like any other.
    """
    config = dict(written.config)
    defaults = {key: parameter.default for key, parameter in inspect.signature(type(written)).parameters.items()}
    unchanged = [key for key in config.get("_use_default_values", []) if config[key] == defaults.get(key)]
    return make_scheduler(name, config | {"_use_default_values": unchanged})
