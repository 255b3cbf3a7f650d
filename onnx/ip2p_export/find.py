"""Find what is to be exported: a folder, a single-file checkpoint, or a name on the hub.

Of the hub, what an export needs is fetched, nothing else.
"""

import re
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError

from .problem import Problem

CHECKPOINT_SUFFIXES = {".ckpt", ".safetensors"}
WEIGHTS = {"text_encoder": ("model", "pytorch_model"), "unet": None, "vae": None}
"""What a part's weights are called, as .safetensors and as .bin, where diffusers' own name is not it."""
DIFFUSERS_NAMES = ("diffusion_pytorch_model", "diffusion_pytorch_model")
CONFIG_FILES = ["model_index.json", "scheduler/*", "tokenizer/*", *(f"{part}/config.json" for part in WEIGHTS)]


def is_checkpoint(model: str) -> bool:
    """Whether a pipeline is given as a single file of weights; stop if that file does not exist."""
    path = Path(model)
    if path.suffix not in CHECKPOINT_SUFFIXES:
        return False
    if not path.exists():
        raise Problem(f"there is no file {model}", "check the path; it is relative to the current folder")
    return path.is_file()


def weight_files(part: str) -> list[str]:
    """Where a part's weights may lie in a folder of diffusers, what is taken first before the rest."""
    safetensors, pickled = WEIGHTS[part] or DIFFUSERS_NAMES
    names = [f"{safetensors}.safetensors", f"{safetensors}.fp16.safetensors", f"{pickled}.bin", f"{pickled}.fp16.bin"]
    return [f"{part}/{name}" for name in names]


def folder(model: str, files: list[str] | None = None) -> Path:
    """The folder of a model: the given one, or that of a hub name, fetched if need be.

    Of a pipeline, its configurations and one file of weights a part are fetched; of another model these `files`.
    """
    path = Path(model)
    if path.is_dir():
        return path
    if path.exists() or model.startswith((".", "/", "~")) or not re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        raise Problem(f"there is no folder {model}", "give a model's folder, or a hub name as OWNER/NAME")
    return fetch(model, files)


def fetch(name: str, files: list[str] | None) -> Path:
    """The hub's files of a model in the user's cache."""
    try:
        return Path(snapshot_download(name, allow_patterns=files or needed(name)))
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


def needed(name: str) -> list[str]:
    """The files of a pipeline on the hub that are needed: no checkpoints, safety checker or second precision."""
    try:
        there = {file.rfilename for file in HfApi().model_info(name).siblings or []}
    except RepositoryNotFoundError:
        raise
    except (HfHubHTTPError, OSError):
        # Without a network: what was fetched before will do.
        return [*CONFIG_FILES, *(file for part in WEIGHTS for file in weight_files(part))]
    chosen = [[file for file in weight_files(part) if file in there][:1] for part in WEIGHTS]
    return [*CONFIG_FILES, *(file for files in chosen for file in files)]
