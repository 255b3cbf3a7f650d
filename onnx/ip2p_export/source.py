"""A diffusers pipeline in its folder: checked to be of a kind that the sweep runs, its parts loaded one by one.

A part of which some weights are not in its file would come out with random ones in their place: transformers
and diffusers only warn of that, here it stops the export.
"""

import inspect
import json
from pathlib import Path
from pickle import UnpicklingError

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel

from . import find
from .lora import Lora
from .problem import Problem

CLASSES = {"text_encoder": "CLIPTextModel", "unet": "UNet2DConditionModel", "vae": "AutoencoderKL"}
TEXT_PREFIX = "text_model."
KINDS = {
    "edit": "StableDiffusionInstructPix2PixPipeline",
    "generate": "StableDiffusionPipeline",
    "inpaint": "StableDiffusionInpaintPipeline",
}
"""What a pipeline does, and what diffusers calls it."""


class Source:
    """A pipeline to export. Configurations are cheap to ask for; each part is loaded anew and then let go."""

    def __init__(self, loras: list[Lora]):
        self.loras = loras

    def config(self, part: str) -> dict:
        """A part's configuration with every key."""
        raise NotImplementedError

    def index(self) -> dict:
        """The contents of model_index.json."""
        raise NotImplementedError

    def scheduler(self) -> dict:
        """The contents of scheduler/scheduler_config.json."""
        raise NotImplementedError

    def tokenizer(self) -> Path:
        """A folder with the files of the tokenizer."""
        raise NotImplementedError

    def weight_bytes(self) -> int:
        """The size of the weights as float32, in bytes."""
        raise NotImplementedError

    def read(self, part: str) -> torch.nn.Module:
        """One part in float32, every weight of it from its file."""
        raise NotImplementedError

    def load(self, part: str) -> torch.nn.Module:
        """One part in float32, the LoRAs fused into it."""
        model = self.read(part).eval().requires_grad_(False)
        for lora in self.loras:
            lora.fuse(part, model)
        return model

    @property
    def kind(self) -> str:
        """What the pipeline does, according to the channels of the UNet."""
        channels = self.config("unet")["in_channels"]
        latents = self.config("vae")["latent_channels"]
        kinds = {latents: "generate", 2 * latents: "edit", 2 * latents + 1: "inpaint"}
        if channels not in kinds:
            raise Problem(
                f"the UNet has {channels} input channels, not {', '.join(map(str, sorted(kinds)))}",
                "give an InstructPix2Pix, a text-to-image or an inpainting model of Stable Diffusion 1 or 2",
            )
        return kinds[channels]

    def check(self) -> None:
        """Stop unless this is a complete pipeline of a supported kind."""
        check_unet(self.config("unet"))
        _ = self.kind
        check_tokenizer(self.tokenizer())
        self.scheduler()


class Folder(Source):
    """A folder as diffusers saves a pipeline."""

    def __init__(self, path: Path, loras: list[Lora]):
        super().__init__(loras)
        self.path = path

    def config(self, part: str) -> dict:
        return with_defaults(part, read_json(self.path / part / "config.json"))

    def index(self) -> dict:
        return read_json(self.path / "model_index.json")

    def scheduler(self) -> dict:
        return read_json(self.path / "scheduler" / "scheduler_config.json")

    def tokenizer(self) -> Path:
        return self.path / "tokenizer"

    def check(self) -> None:
        index = self.index()
        if "text_encoder_2" in index:
            raise Problem(f"{self.path} is a Stable Diffusion XL pipeline", "give one of Stable Diffusion 1 or 2")
        for part, wanted in CLASSES.items():
            found = (index.get(part) or [None, None])[1]
            if found != wanted:
                raise Problem(
                    f"{part} of {self.path} is {found or 'missing'}, not {wanted}",
                    "only models built on Stable Diffusion 1 or 2 can be exported",
                )
        super().check()

    def weight_bytes(self) -> int:
        files = [self.weights(part) for part in CLASSES]
        return sum(file.stat().st_size * (2 if ".fp16." in file.name else 1) for file in files)

    def weights(self, part: str) -> Path:
        """The file of a part's weights."""
        for name in find.weight_files(part):
            if (self.path / name).exists():
                return self.path / name
        raise Problem(
            f"{self.path / part} has no weights: none of {', '.join(Path(n).name for n in find.weight_files(part))}",
            "download it again, or save the pipeline again with safe_serialization=True",
        )

    def read(self, part: str) -> torch.nn.Module:
        file = self.weights(part)
        try:
            if part == "text_encoder":
                return text_encoder(self.config(part), load_weights(file), file.parent)
            return read_diffusers(part, file)
        except (OSError, ValueError, RuntimeError, SafetensorError, UnpicklingError) as error:
            raise Problem(
                f"{file.parent} cannot be loaded: {str(error).splitlines()[0]}", "download it again"
            ) from error


# --- checking ------------------------------------------------------------------------------------


def read_json(path: Path) -> dict:
    """Read a configuration of the model."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Problem(f"{path} is missing", "the folder must hold the whole model: download it again") from error
    except (ValueError, OSError) as error:
        raise Problem(f"{path} cannot be read: {error}", "download it again") from error


def with_defaults(part: str, written: dict) -> dict:
    """A part's configuration with the defaults of its class for what an older file leaves out."""
    if part == "text_encoder":
        return CLIPTextConfig(**written).to_dict()
    parameters = inspect.signature({"unet": UNet2DConditionModel, "vae": AutoencoderKL}[part].__init__).parameters
    defaults = {name: value.default for name, value in parameters.items() if value.default is not value.empty}
    return defaults | written


def check_unet(config: dict) -> None:
    """Stop if the UNet needs more inputs than latents, a timestep and text."""
    if config.get("time_cond_proj_dim") is not None:
        raise Problem(
            "the UNet takes timestep_cond (time_cond_proj_dim in its configuration): "
            "a consistency model (LCM) that was distilled with its guidance inside",
            "export the model it was made of with its LCM LoRA instead: --lora FILE; or an LCM without timestep_cond",
        )
    for key in ("addition_embed_type", "class_embed_type", "encoder_hid_dim", "num_class_embeds"):
        if config.get(key) is not None:
            raise Problem(
                f"the UNet takes more than latents, a timestep and text ({key} = {config[key]})",
                "give an InstructPix2Pix, a text-to-image or an inpainting model of Stable Diffusion 1 or 2",
            )


def check_tokenizer(folder: Path) -> None:
    """Stop unless the files of a tokenizer are there."""
    found = {path.name for path in folder.glob("*")}
    if "tokenizer.json" not in found and not {"vocab.json", "merges.txt"} <= found:
        raise Problem(f"{folder} has neither tokenizer.json nor vocab.json and merges.txt", "download it again")


def require_all(part: str, where: Path, info: dict) -> None:
    """Stop if any weight was not in the file or had another shape."""
    absent = sorted(info["missing_keys"]) + sorted(str(entry) for entry in info.get("mismatched_keys", []))
    if absent:
        raise Problem(
            f"{len(absent)} weights of {part} are not in {where}, and would be random: {', '.join(absent[:3])}"
            + (", ..." if len(absent) > 3 else ""),
            "download the model again, or save it again with the versions that this script pins",
        )


# --- loading -------------------------------------------------------------------------------------


def load_weights(file: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file, mapped into memory; a pickled one may hold nothing else."""
    if file.suffix == ".safetensors":
        return load_file(file)
    return torch.load(file, map_location="cpu", mmap=True, weights_only=True)


def read_diffusers(part: str, file: Path) -> torch.nn.Module:
    """The UNet or the autoencoder from its own folder."""
    kind = {"unet": UNet2DConditionModel, "vae": AutoencoderKL}[part]
    model, info = kind.from_pretrained(
        file.parent,
        torch_dtype=torch.float32,
        output_loading_info=True,
        use_safetensors=file.suffix == ".safetensors",
        variant="fp16" if ".fp16." in file.name else None,
    )
    require_all(part, file.parent, info)
    return model


def from_weights(part: str, config: dict, weights: dict[str, torch.Tensor], where: Path) -> torch.nn.Module:
    """A part made of its configuration and its weights, in float32."""
    if part == "text_encoder":
        return text_encoder(config, weights, where)
    model = {"unet": UNet2DConditionModel, "vae": AutoencoderKL}[part](**config)
    return fill(part, model, weights, where)


def text_encoder(config: dict, weights: dict[str, torch.Tensor], where: Path) -> CLIPTextModel:
    """transformers 5 saves these weights without the prefix that transformers 4 looks for: both are read."""
    model = CLIPTextModel(CLIPTextConfig(**config, attn_implementation="eager"))
    if not any(name.startswith(TEXT_PREFIX) for name in weights):
        weights = {TEXT_PREFIX + name: value for name, value in weights.items()}
    return fill("text_encoder", model, weights, where)


def fill(part: str, model: torch.nn.Module, weights: dict[str, torch.Tensor], where: Path) -> torch.nn.Module:
    """The model with these weights; those that it has no use for are left out."""
    wanted = model.state_dict()
    mismatched = [name for name in wanted.keys() & weights.keys() if weights[name].shape != wanted[name].shape]
    require_all(part, where, {"missing_keys": wanted.keys() - weights.keys(), "mismatched_keys": mismatched})
    model.load_state_dict({name: weights[name].float() for name in wanted}, assign=True)
    return model
