"""Find a diffusers pipeline, check that it is an InstructPix2Pix, and load its parts one by one.

A part of which some weights are not in its file would come out with random ones in their place: transformers
and diffusers only warn of that, here it stops the export.
"""

import inspect
import json
import re
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel

from .problem import Problem

CLASSES = {"text_encoder": "CLIPTextModel", "unet": "UNet2DConditionModel", "vae": "AutoencoderKL"}
CONFIG_FILES = ["model_index.json", "scheduler/*", "tokenizer/*", *(f"{part}/config.json" for part in CLASSES)]
WEIGHT_FILES = {
    "text_encoder": "model.safetensors",
    "unet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
}
FILES = CONFIG_FILES + [f"{part}/{file}" for part, file in WEIGHT_FILES.items()]
"""What is fetched: no checkpoints, no safety checker."""
CHECKPOINT_SUFFIXES = {".ckpt", ".safetensors", ".pt", ".pth", ".bin"}
TEXT_PREFIX = "text_model."


# --- finding -------------------------------------------------------------------------------------


def refuse_checkpoint(model: str) -> None:
    """Stop if a pipeline is given as one file of weights."""
    path = Path(model)
    if path.suffix in CHECKPOINT_SUFFIXES and (path.is_file() or not path.exists()):
        raise Problem(
            f"{model} is a single-file checkpoint, not a diffusers folder",
            "convert it first: StableDiffusionInstructPix2PixPipeline.from_single_file(FILE, num_in_channels=8)"
            ".save_pretrained(FOLDER), then export FOLDER",
        )


def find(model: str, files: list[str]) -> Path:
    """The folder of a model: the given one, or that of a hub name, these files of it fetched if need be."""
    path = Path(model)
    if path.is_dir():
        return path
    if path.exists() or model.startswith((".", "/", "~")) or not re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        raise Problem(f"there is no folder {model}", "give a model's folder, or a hub name as OWNER/NAME")
    return fetch(model, files)


def fetch(name: str, files: list[str]) -> Path:
    """The hub's files of a model in the user's cache."""
    try:
        return Path(snapshot_download(name, allow_patterns=files))
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise Problem(
            f"the hub has no model {name}, or it asks for a login",
            "check the name; for a private model run: hf auth login",
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise Problem(
            f"cannot fetch {name}: {str(error).splitlines()[0]}",
            "check the network, or download the folder elsewhere and give its path",
        ) from error


# --- checking ------------------------------------------------------------------------------------


def read_json(path: Path) -> dict:
    """A configuration of the model."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Problem(f"{path} is missing", "the folder must hold the whole model: download it again") from error
    except (ValueError, OSError) as error:
        raise Problem(f"{path} cannot be read: {error}", "download it again") from error


def config(folder: Path, part: str) -> dict:
    """A part's configuration with the defaults of its class for what an older file leaves out."""
    written = read_json(folder / part / "config.json")
    if part == "text_encoder":
        return CLIPTextConfig(**written).to_dict()
    parameters = inspect.signature({"unet": UNet2DConditionModel, "vae": AutoencoderKL}[part].__init__).parameters
    defaults = {name: value.default for name, value in parameters.items() if value.default is not value.empty}
    return defaults | written


def check(folder: Path) -> None:
    """Stop unless the folder is a whole InstructPix2Pix of the make that the sweep runs."""
    index = read_json(folder / "model_index.json")
    for part, wanted in CLASSES.items():
        found = (index.get(part) or [None, None])[1]
        if found != wanted:
            raise Problem(
                f"{part} of {folder} is {found or 'missing'}, not {wanted}",
                "only InstructPix2Pix models built on Stable Diffusion 1 or 2 can be exported",
            )
    check_channels(folder)
    check_tokenizer(folder / "tokenizer")
    read_json(folder / "scheduler" / "scheduler_config.json")


def check_tokenizer(folder: Path) -> None:
    """Stop unless the files of a tokenizer are there."""
    found = {path.name for path in folder.glob("*")}
    if "tokenizer.json" not in found and not {"vocab.json", "merges.txt"} <= found:
        raise Problem(f"{folder} has neither tokenizer.json nor vocab.json and merges.txt", "download it again")


def check_channels(folder: Path) -> None:
    """Stop unless the UNet takes noisy latents and the picture's latents side by side."""
    channels = config(folder, "unet")["in_channels"]
    latent_channels = config(folder, "vae")["latent_channels"]
    if channels == 2 * latent_channels:
        return
    kinds = {latent_channels: "a text-to-image model", 2 * latent_channels + 1: "an inpainting model"}
    raise Problem(
        f"the UNet of {folder} has {channels} input channels, an InstructPix2Pix {2 * latent_channels}: "
        f"this is {kinds.get(channels, 'another kind of model')}",
        "give an InstructPix2Pix, such as timbrooks/instruct-pix2pix",
    )


def space_needed(folder: Path) -> int:
    """Bytes of the export and of the traces on the way, by the size of the weights."""
    weights = sum(path.stat().st_size for part in CLASSES for path in (folder / part).glob("*.safetensors"))
    return int(2.2 * weights)


def require_all(part: str, folder: Path, info: dict) -> None:
    """Stop if any weight was not in the file or had another shape."""
    absent = sorted(info["missing_keys"]) + sorted(str(entry) for entry in info.get("mismatched_keys", []))
    if absent:
        raise Problem(
            f"{len(absent)} weights of {part} are not in {folder}, and would be random: {', '.join(absent[:3])}"
            + (", ..." if len(absent) > 3 else ""),
            "download the model again, or save it again with the versions that this script pins",
        )


# --- loading -------------------------------------------------------------------------------------


def load(folder: Path, part: str) -> torch.nn.Module:
    """One part in float32, every weight of it from the file."""
    where = folder / part
    if not any(where.glob("*.safetensors")):
        raise Problem(f"{where} has no .safetensors weights", "save the pipeline again with safe_serialization=True")
    loaders = {"text_encoder": load_text_encoder, "unet": load_unet, "vae": load_vae}
    try:
        return loaders[part](where).eval().requires_grad_(False)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise Problem(f"{where} cannot be loaded: {str(error).splitlines()[0]}", "download it again") from error


def load_unet(where: Path) -> UNet2DConditionModel:
    model, info = UNet2DConditionModel.from_pretrained(where, torch_dtype=torch.float32, output_loading_info=True)
    require_all("unet", where, info)
    return model


def load_vae(where: Path) -> AutoencoderKL:
    model, info = AutoencoderKL.from_pretrained(where, torch_dtype=torch.float32, output_loading_info=True)
    require_all("vae", where, info)
    return model


def load_text_encoder(where: Path) -> CLIPTextModel:
    """transformers 5 saves these weights without the prefix that transformers 4 looks for: both are read."""
    config = CLIPTextConfig.from_pretrained(where, attn_implementation="eager")
    model = CLIPTextModel(config)
    weights = {}
    for path in sorted(where.glob("*.safetensors")):
        weights |= load_file(path)
    wanted = set(model.state_dict())
    if not any(name.startswith(TEXT_PREFIX) for name in weights):
        weights = {TEXT_PREFIX + name: value for name, value in weights.items()}
    mismatched = [name for name in wanted & weights.keys() if weights[name].shape != model.state_dict()[name].shape]
    require_all("text_encoder", where, {"missing_keys": wanted - weights.keys(), "mismatched_keys": mismatched})
    model.load_state_dict({name: weights[name].float() for name in wanted})
    return model
