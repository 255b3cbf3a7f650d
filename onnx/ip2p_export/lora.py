"""LoRA files, fused into the weights: W + scale * (alpha / rank) * up @ down, for linear layers and convolutions.

Read are the names that kohya's scripts (and A1111) write, those of diffusers, and those of PEFT. Whatever a file
holds that would not be fused is named and stops the export.
"""

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from .problem import Problem

DOWN_AND_UP = {
    ".lora_down.weight": "down",
    ".lora_up.weight": "up",
    ".lora_A.weight": "down",
    ".lora_B.weight": "up",
    ".lora.down.weight": "down",
    ".lora.up.weight": "up",
    ".lora_linear_layer.down.weight": "down",
    ".lora_linear_layer.up.weight": "up",
    "_lora.down.weight": "down",
    "_lora.up.weight": "up",
    ".alpha": "alpha",
}
"""How the names of tensors end, and what they are; what is before is the module."""
PARTS = {
    "lora_unet_": "unet",
    "lora_te_": "text_encoder",
    "lora_te1_": "text_encoder",
    "unet.": "unet",
    "text_encoder.": "text_encoder",
    "base_model.model.": "unet",
}
PROJECTIONS = {
    "unet": {"to_q": "to_q", "to_k": "to_k", "to_v": "to_v", "to_out": "to_out.0"},
    "text_encoder": {
        "to_q": "self_attn.q_proj",
        "to_k": "self_attn.k_proj",
        "to_v": "self_attn.v_proj",
        "to_out": "self_attn.out_proj",
    },
}
"""What modules of attention are called where diffusers named them after their processor."""
METADATA = "lora_adapter_metadata"


@dataclass
class Pair:
    """The two factors of one module's change."""

    down: torch.Tensor | None = None
    up: torch.Tensor | None = None
    alpha: float | None = None


@dataclass
class Lora:
    """A LoRA file and its scale."""

    path: Path
    scale: float
    pairs: dict[str, dict[str, Pair]] = field(default_factory=dict)
    """By part and by module, as the file names it."""

    @classmethod
    def read(cls, given: str) -> "Lora":
        """FILE or FILE:SCALE."""
        path, scale = split_scale(given)
        lora = cls(path, scale)
        try:
            with safe_open(path, framework="pt") as file:
                metadata = json.loads((file.metadata() or {}).get(METADATA, "{}"))
                for name in file.keys():  # noqa: SIM118 (it is no dictionary)
                    lora.add(name, file.get_tensor(name))
        except FileNotFoundError as error:
            raise Problem(
                f"there is no file {path}", "give a LoRA as FILE.safetensors or FILE.safetensors:0.8"
            ) from error
        except (OSError, ValueError, SafetensorError) as error:
            raise Problem(f"{path} cannot be read: {error}", "give a LoRA as .safetensors") from error
        lora.check()
        lora.take_alphas(metadata)
        return lora

    def add(self, name: str, tensor: torch.Tensor) -> None:
        """Add a tensor to the module that its name gives."""
        end = next((end for end in DOWN_AND_UP if name.endswith(end)), None)
        start = next((start for start in PARTS if name.startswith(start)), None)
        if end is None or start is None:
            raise Problem(
                f"{self.path} holds {name}, which is no LoRA of Stable Diffusion 1 or 2",
                "LoHa, LoKr, DoRA and LoRAs of other models cannot be fused; take a plain LoRA of this model's family",
            )
        module = name.removeprefix(start).removesuffix(end)
        if end.startswith("_lora"):
            module = of_processor(PARTS[start], module)
        pair = self.pairs.setdefault(PARTS[start], {}).setdefault(module, Pair())
        kind = DOWN_AND_UP[end]
        setattr(pair, kind, tensor.item() if kind == "alpha" else tensor.float())

    def check(self) -> None:
        """Stop if a factor has no counterpart."""
        for modules in self.pairs.values():
            for module, pair in modules.items():
                if pair.down is None or pair.up is None:
                    raise Problem(f"{self.path} holds half a LoRA of {module} only", "download the file again")
        if not self.pairs:
            raise Problem(f"{self.path} holds no LoRA", "give another file")

    def take_alphas(self, metadata: dict) -> None:
        """What PEFT keeps of its configuration in the file's header, by the part: without it alpha is the rank."""
        for part, modules in self.pairs.items():
            patterns = metadata.get(f"{part}.alpha_pattern") or {}
            alpha = metadata.get(f"{part}.lora_alpha")
            for module, pair in modules.items():
                if pair.alpha is None:
                    pair.alpha = next((v for name, v in patterns.items() if matches(name, module)), alpha)
                if metadata.get(f"{part}.use_rslora") and pair.alpha is not None:
                    pair.alpha *= math.sqrt(pair.down.shape[0])

    def fuse(self, part: str, model: torch.nn.Module) -> None:
        """Add the change to each module's weight, in float32."""
        modules = dict(model.named_modules())
        # kohya writes the path of a module with _ for every dot, of which many modules have some of their own.
        flat = {name.replace(".", "_"): name for name in modules}
        for name, pair in self.pairs.get(part, {}).items():
            module = modules.get(name) or modules.get(flat.get(name, ""))
            weight = getattr(module, "weight", None)
            if not isinstance(weight, torch.Tensor):
                raise Problem(
                    f"{self.path} changes {name}, which the {part} of this model does not have",
                    "the LoRA was made for a model of another family; take one for this one",
                )
            weight.data = weight + self.change(name, pair, weight)

    def change(self, name: str, pair: Pair, weight: torch.Tensor) -> torch.Tensor:
        """scale * (alpha / rank) * up @ down, in the shape of the weight."""
        rank = pair.down.shape[0]
        strength = self.scale * (1.0 if pair.alpha is None else pair.alpha / rank)
        product = pair.up.flatten(1) @ pair.down.flatten(1) if pair.up.shape[1] == rank else None
        if product is None or product.numel() != weight.numel() or product.shape[0] != weight.shape[0]:
            raise Problem(
                f"{self.path} changes {name} by {tuple(pair.up.shape)} x {tuple(pair.down.shape)}, "
                f"and the model's weight is {tuple(weight.shape)}",
                "the LoRA was made for a model of another family; take one for this one",
            )
        return strength * product.reshape(weight.shape)


def split_scale(given: str) -> tuple[Path, float]:
    """A path and the number after its last colon; a colon that no number follows belongs to the path."""
    path, colon, scale = given.rpartition(":")
    if colon and path:
        try:
            return Path(path), float(scale)
        except ValueError:
            pass
    return Path(given), 1.0


def of_processor(part: str, module: str) -> str:
    """`...attn1.processor.to_q` is `...attn1.to_q`, and so on."""
    before, _, projection = module.removesuffix("_lora").rpartition(".")
    before = before.removesuffix(".processor")
    name = PROJECTIONS[part].get(projection, projection)
    if part == "text_encoder":
        before = before.removesuffix(".self_attn")
    return f"{before}.{name}" if before else name


def matches(pattern: str, module: str) -> bool:
    """As PEFT finds the module of a pattern: a regular expression at the end of its path."""
    return re.match(rf"(.*\.)?({pattern})$", module) is not None
