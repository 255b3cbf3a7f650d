"""A pipeline in one file, as the original repositories and A1111 keep it: LDM's names, and no configuration.

What the configuration would say is read off the shapes of the weights; diffusers' own conversion gives the names.
Nothing is written on the way. What shapes cannot tell is what all models of the family share (groups of 32
channels, 8 heads or heads of 64 channels), or has to be given: see `prediction`.
"""

import json
import re
import tempfile
from functools import cached_property
from pathlib import Path
from pickle import UnpicklingError

import torch
from diffusers.loaders import single_file_utils as conversion
from safetensors import SafetensorError, safe_open

from . import find, layout
from .lora import Lora
from .problem import Problem
from .source import CLASSES, KINDS, Source, from_weights, with_defaults

UNET = "model.diffusion_model."
AVERAGED = "model_ema."
VAE = "first_stage_model."
CLIP = "cond_stage_model.transformer."
OPEN_CLIP = "cond_stage_model.model."
TOKENIZER = "openai/clip-vit-large-patch14"
"""Checkpoints hold no tokenizer; both families have this one, and differ in the token that fills up a text."""
PADDING = {"clip": "<|endoftext|>", "open_clip": "!"}
HEAD = 64
SCALING_FACTOR = 0.18215
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
NOT_A_PIPELINE = "give the checkpoint of a whole Stable Diffusion 1 or 2, or the folder of diffusers"


class Checkpoint(Source):
    """A single file of weights."""

    def __init__(self, path: Path, loras: list[Lora], tokenizer: str, prediction: str | None, averaged: bool):
        super().__init__(loras)
        self.path, self.averaged = path, averaged
        self.tensors = read(path)
        require(path, self.tensors)
        self.given = prediction
        self.tokenizer_source = tokenizer
        self.kept = tempfile.TemporaryDirectory(prefix="ip2p-tokenizer-")

    @property
    def family(self) -> str:
        """Whether the text encoder is that of Stable Diffusion 1 or of 2."""
        return "open_clip" if any(name.startswith(OPEN_CLIP) for name in self.tensors) else "clip"

    @cached_property
    def configs(self) -> dict[str, dict]:
        """All configurations, derived from the weights."""
        unet = unet_config(self.sizes(UNET))
        unet["sample_size"] = 96 if self.prediction(unet) == "v_prediction" else 64
        text = open_clip_config if self.family == "open_clip" else clip_config
        prefix = OPEN_CLIP if self.family == "open_clip" else CLIP
        return {"unet": unet, "vae": vae_config(self.sizes(VAE)), "text_encoder": text(self.sizes(prefix))}

    def sizes(self, prefix: str) -> dict[str, torch.Size]:
        """The shapes of a part's weights by name."""
        return {name.removeprefix(prefix): t.shape for name, t in self.tensors.items() if name.startswith(prefix)}

    def prediction(self, unet: dict) -> str:
        """What the UNet predicts. No weight tells: given, or in the .yaml beside, or the same for a whole family."""
        if self.given:
            return self.given
        beside = self.path.with_suffix(".yaml")
        if beside.exists():
            says_v = re.search(r"parameterization:\s*[\"']?v\b", beside.read_text(encoding="utf-8", errors="replace"))
            return "v_prediction" if says_v else "epsilon"
        if self.family == "clip" or unet["in_channels"] != unet["out_channels"]:
            return "epsilon"
        raise Problem(
            f"{self.path} is a Stable Diffusion 2, and nothing in it tells what it predicts",
            "give --prediction v_prediction (models of 768 pixels) or --prediction epsilon (of 512), "
            "or put the model's .yaml beside it",
        )

    def config(self, part: str) -> dict:
        return with_defaults(part, self.configs[part])

    def index(self) -> dict:
        parts = {part: ["transformers" if part == "text_encoder" else "diffusers", CLASSES[part]] for part in CLASSES}
        scheduler = ["diffusers", self.scheduler()["_class_name"]]
        tokenizer = ["transformers", "CLIPTokenizer"]
        return {"_class_name": KINDS[self.kind], **parts, "scheduler": scheduler, "tokenizer": tokenizer}

    def scheduler(self) -> dict:
        """The scheduler configuration of the hub's models of the family."""
        predicted = {"prediction_type": self.prediction(self.configs["unet"])}
        if self.kind == "edit":
            return {"_class_name": "EulerAncestralDiscreteScheduler", **BETAS, **predicted, "steps_offset": 1}
        if predicted["prediction_type"] == "v_prediction":
            more = {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}
            return {"_class_name": "DDIMScheduler", **BETAS, **predicted, **more}
        more = {"skip_prk_steps": True, "set_alpha_to_one": False, "steps_offset": 1}
        return {"_class_name": "PNDMScheduler", **BETAS, **predicted, **more}

    @cached_property
    def tokenizer_folder(self) -> Path:
        """CLIP's tokenizer with the padding of the family."""
        there = find.folder(self.tokenizer_source, sorted(layout.TOKENIZER_FILES))
        there = there / "tokenizer" if (there / "tokenizer").is_dir() else there
        target = Path(self.kept.name)
        layout.copy_tokenizer(there, target)
        for name in ("tokenizer_config.json", "special_tokens_map.json"):
            path = target / "tokenizer" / name
            content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            layout.write_json(path, content | {"pad_token": PADDING[self.family]})
        return target / "tokenizer"

    def tokenizer(self) -> Path:
        return self.tokenizer_folder

    def weight_bytes(self) -> int:
        parts = (UNET, VAE, CLIP, OPEN_CLIP)
        return sum(4 * tensor.numel() for name, tensor in self.tensors.items() if name.startswith(parts))

    def read(self, part: str) -> torch.nn.Module:
        config = self.configs[part]
        if part == "unet":
            weights = conversion.convert_ldm_unet_checkpoint(self.unet_tensors(), config)
        elif part == "vae":
            weights = conversion.convert_ldm_vae_checkpoint(self.tensors, with_defaults("vae", config))
        elif self.family == "clip":
            weights = conversion.convert_ldm_clip_checkpoint(self.tensors)
        else:
            weights = open_clip_weights(self.tensors, config)
        return from_weights(part, config, weights, self.path)

    def unet_tensors(self) -> dict[str, torch.Tensor]:
        """The UNet's weights; on request their running average, which original checkpoints of a training hold, too."""
        own = {name: tensor for name, tensor in self.tensors.items() if name.startswith(UNET)}
        if not self.averaged:
            return own
        averages = {name: self.tensors.get(AVERAGED + name.removeprefix("model.").replace(".", "")) for name in own}
        if any(tensor is None for tensor in averages.values()):
            raise Problem(f"{self.path} has no averaged weights (model_ema)", "export without --ema")
        return averages


# --- reading -------------------------------------------------------------------------------------


def read(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file by name, mapped into memory."""
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        loaded = unpickle(path)
    except (OSError, ValueError, RuntimeError, SafetensorError, UnpicklingError) as error:
        raise Problem(f"{path} cannot be read: {str(error).splitlines()[0]}", "download it again") from error
    tensors = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else {}
    return {name: tensor for name, tensor in tensors.items() if isinstance(tensor, torch.Tensor)}


class Ignored:
    """Replaces every object of a pickle that is not a tensor, such as what trainers leave there."""

    def __init__(self, *_: object, **__: object):
        pass

    def __setstate__(self, _: object) -> None:
        pass


def unpickle(path: Path) -> object:
    """A .ckpt's tensors. No code that a pickle asks for is run: such names become `Ignored`, or torch refuses them."""
    unsafe = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    try:
        with torch.serialization.safe_globals([(Ignored, name) for name in unsafe]):
            return torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except UnpicklingError as error:
        raise Problem(
            f"{path} asks for code beside its weights, and is not opened: {', '.join(unsafe[:3])}",
            "take this model as .safetensors; if there is none, be wary of the file",
        ) from error


def require(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Stop unless the file contains all parts of a pipeline of this family."""
    if any(name.startswith("conditioner.embedders.") for name in tensors):
        raise Problem(f"{path} is a Stable Diffusion XL checkpoint", "give one of Stable Diffusion 1 or 2")
    parts = {"UNet": (UNET,), "autoencoder": (VAE,), "text encoder": (CLIP, OPEN_CLIP)}
    missing = [part for part, starts in parts.items() if not any(name.startswith(starts) for name in tensors)]
    if missing:
        raise Problem(f"{path} has no {' and no '.join(missing)} inside", NOT_A_PIPELINE)
    unknown = [
        name
        for name in (
            f"{UNET}time_embedding.cond_proj.weight",
            f"{UNET}time_embed_cond.weight",
            f"{UNET}label_emb.0.0.weight",
        )
        if name in tensors
    ]
    if unknown:
        raise Problem(f"the UNet of {path} takes more than latents, a timestep and text ({unknown[0]})", NOT_A_PIPELINE)


# --- configurations from shapes ------------------------------------------------------------------


def numbers(sizes: dict[str, torch.Size], pattern: str) -> list[int]:
    """The distinct numbers that a pattern's group matches, in order."""
    found = {int(match[1]) for name in sizes if (match := re.match(pattern, name))}
    return sorted(found)


def unet_config(sizes: dict[str, torch.Size]) -> dict:
    """The configuration that diffusers needs for the UNet."""
    channels, attends, layers = [], [], []
    for number in numbers(sizes, r"input_blocks\.(\d+)\.")[1:]:
        if f"input_blocks.{number}.0.op.weight" in sizes:
            layers.append(0)
            continue
        width = sizes[f"input_blocks.{number}.0.out_layers.3.weight"][0]
        attention = f"input_blocks.{number}.1.proj_in.weight" in sizes
        if not layers or layers[-1] == 0:
            layers = layers or [0]
            channels.append(width)
            attends.append(attention)
        layers[-1] += 1
    if not channels or any(count != layers[0] for count in layers):
        raise Problem(f"the UNet's levels have {layers} layers", NOT_A_PIPELINE)
    if any(".transformer_blocks.1." in name for name in sizes):
        raise Problem("the UNet's attention has more than one layer a block", NOT_A_PIPELINE)
    attention = next(name for name in sizes if name.endswith(".proj_in.weight"))
    is_linear = len(sizes[attention]) == 2
    return {
        "in_channels": sizes["input_blocks.0.0.weight"][1],
        "out_channels": sizes["out.2.weight"][0],
        "block_out_channels": channels,
        "layers_per_block": layers[0],
        "down_block_types": ["CrossAttnDownBlock2D" if attention else "DownBlock2D" for attention in attends],
        "up_block_types": ["CrossAttnUpBlock2D" if attention else "UpBlock2D" for attention in reversed(attends)],
        "cross_attention_dim": next(size for name, size in sizes.items() if name.endswith("attn2.to_k.weight"))[1],
        "use_linear_projection": is_linear,
        # diffusers means the number of heads by this: 8 in Stable Diffusion 1; 64 channels each in 2.
        "attention_head_dim": [width // HEAD for width in channels] if is_linear else 8,
        "upcast_attention": is_linear,
    }


def vae_config(sizes: dict[str, torch.Size]) -> dict:
    """The configuration that diffusers needs for the autoencoder."""
    levels = numbers(sizes, r"encoder\.down\.(\d+)\.")
    return {
        "in_channels": sizes["encoder.conv_in.weight"][1],
        "out_channels": sizes["decoder.conv_out.weight"][0],
        "latent_channels": sizes["post_quant_conv.weight"][1],
        "block_out_channels": [sizes[f"encoder.down.{level}.block.0.conv2.weight"][0] for level in levels],
        "layers_per_block": len(numbers(sizes, r"encoder\.down\.0\.block\.(\d+)\.")),
        "down_block_types": ["DownEncoderBlock2D"] * len(levels),
        "up_block_types": ["UpDecoderBlock2D"] * len(levels),
        "scaling_factor": SCALING_FACTOR,
        "sample_size": 64 * 2 ** (len(levels) - 1),
    }


def clip_config(sizes: dict[str, torch.Size]) -> dict:
    """The configuration that transformers needs for Stable Diffusion 1's text encoder."""
    sizes = {name.removeprefix("text_model."): size for name, size in sizes.items()}
    vocabulary, width = sizes["embeddings.token_embedding.weight"]
    return text_config(
        vocabulary,
        width,
        context=sizes["embeddings.position_embedding.weight"][0],
        layers=len(numbers(sizes, r"encoder\.layers\.(\d+)\.")),
        inner=sizes["encoder.layers.0.mlp.fc1.weight"][0],
        activation="quick_gelu",
        padding=vocabulary - 1,
    )


def open_clip_config(sizes: dict[str, torch.Size]) -> dict:
    """What transformers needs to know of Stable Diffusion 2's text encoder, which is read before its last layer."""
    vocabulary, width = sizes["token_embedding.weight"]
    return text_config(
        vocabulary,
        width,
        context=sizes["positional_embedding"][0],
        layers=len(numbers(sizes, r"transformer\.resblocks\.(\d+)\.")) - 1,
        inner=sizes["transformer.resblocks.0.mlp.c_fc.weight"][0],
        activation="gelu",
        padding=0,
    )


def text_config(
    vocabulary: int, width: int, *, context: int, layers: int, inner: int, activation: str, padding: int
) -> dict:
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "projection_dim": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": max(1, width // HEAD),
        "max_position_embeddings": context,
        "hidden_act": activation,
        "bos_token_id": vocabulary - 2,
        "eos_token_id": vocabulary - 1,
        "pad_token_id": padding,
    }


class Described:
    """What diffusers' conversion asks a text encoder for."""

    def __init__(self, width: int):
        self.config = type("Config", (), {"hidden_size": width})()


def open_clip_weights(tensors: dict[str, torch.Tensor], config: dict) -> dict[str, torch.Tensor]:
    """The text encoder of Stable Diffusion 2 under transformers' names, without the layer that is not used."""
    last = f"{OPEN_CLIP}transformer.resblocks.{config['num_hidden_layers']}."
    used = {
        name: tensor
        for name, tensor in tensors.items()
        if not name.startswith(last) and name != f"{OPEN_CLIP}text_projection"
    }
    return conversion.convert_open_clip_checkpoint(Described(config["hidden_size"]), used)
