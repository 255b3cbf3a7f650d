"""Small pipelines, and the same weights under the names of the original repositories (CompVis, Stability AI).

The names are written down here from those repositories' modules; the export reads them with diffusers' conversion.
"""

from pathlib import Path

import torch
from clip_vocabulary import END, START, write_tokenizer_files
from diffusers import AutoencoderKL, EulerAncestralDiscreteScheduler, StableDiffusionPipeline, UNet2DConditionModel
from recipes import INSTRUCT_PIX2PIX_SCHEDULER, randomise
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

CLASSES = {
    4: "StableDiffusionPipeline",
    8: "StableDiffusionInstructPix2PixPipeline",
    9: "StableDiffusionInpaintPipeline",
}
LAYERS = 1
LEVELS = 2
RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}


def build(folder: Path, *, channels: int, family: int) -> StableDiffusionPipeline:
    """A pipeline of Stable Diffusion 1 or 2 but small, its weights random."""
    generator = torch.Generator("cpu").manual_seed(channels + family)
    write_tokenizer_files(folder, 150)
    tokenizer = CLIPTokenizer.from_pretrained(folder, pad_token=END if family == 1 else "!", model_max_length=77)
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        projection_dim=64,
        num_hidden_layers=2,
        num_attention_heads=1,
        hidden_act="quick_gelu" if family == 1 else "gelu",
        bos_token_id=tokenizer.convert_tokens_to_ids(START),
        eos_token_id=tokenizer.convert_tokens_to_ids(END),
        pad_token_id=tokenizer.pad_token_id,
    )
    unet = UNet2DConditionModel(
        sample_size=64,
        in_channels=channels,
        block_out_channels=(64, 128),
        layers_per_block=LAYERS,
        cross_attention_dim=64,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=8 if family == 1 else (1, 2),
        use_linear_projection=family == 2,
    )
    vae = AutoencoderKL(
        block_out_channels=(32, 64),
        layers_per_block=LAYERS,
        down_block_types=("DownEncoderBlock2D",) * LEVELS,
        up_block_types=("UpDecoderBlock2D",) * LEVELS,
        sample_size=128,
    )
    parts = {"text_encoder": CLIPTextModel(text), "unet": unet, "vae": vae}
    for model in parts.values():
        randomise(model.eval(), generator)
    scheduler = EulerAncestralDiscreteScheduler.from_config(INSTRUCT_PIX2PIX_SCHEDULER)
    return StableDiffusionPipeline(
        **parts,
        tokenizer=tokenizer,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def checkpoint(pipeline: StableDiffusionPipeline, family: int) -> dict[str, torch.Tensor]:
    """All weights under the original names."""
    text = (
        open_clip(pipeline.text_encoder)
        if family == 2
        else prefixed("transformer.", pipeline.text_encoder.state_dict())
    )
    return {
        **prefixed("model.diffusion_model.", renamed(pipeline.unet, unet_names())),
        **prefixed("first_stage_model.", autoencoder(pipeline.vae)),
        **prefixed("cond_stage_model.", text),
        "betas": torch.zeros(1000),
    }


def prefixed(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor.contiguous() for name, tensor in tensors.items()}


def renamed(model: torch.nn.Module, names: dict[str, str]) -> dict[str, torch.Tensor]:
    """The weights with the beginnings of their names replaced; every one must have a new name."""
    found = {}
    for name, tensor in model.state_dict().items():
        [old] = [old for old in names if name.startswith(old + ".")]
        found[names[old] + name.removeprefix(old)] = tensor
    return found


def resnet(new: str, old: str) -> dict[str, str]:
    return {f"{old}.{diffusers}": f"{new}.{ldm}" for ldm, diffusers in RESNET.items()}


def unet_names() -> dict[str, str]:
    """diffusers' modules of the UNet and what openaimodel.py numbers them."""
    names = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
        "mid_block.attentions.0": "middle_block.1",
        **resnet("middle_block.0", "mid_block.resnets.0"),
        **resnet("middle_block.2", "mid_block.resnets.1"),
    }
    number = 1
    for level in range(LEVELS):
        for layer in range(LAYERS):
            names |= resnet(f"input_blocks.{number}.0", f"down_blocks.{level}.resnets.{layer}")
            names[f"down_blocks.{level}.attentions.{layer}"] = f"input_blocks.{number}.1"
            number += 1
        names[f"down_blocks.{level}.downsamplers.0.conv"] = f"input_blocks.{number}.0.op"
        number += 1
    number = 0
    for level in range(LEVELS):
        for layer in range(LAYERS + 1):
            names |= resnet(f"output_blocks.{number}.0", f"up_blocks.{level}.resnets.{layer}")
            names[f"up_blocks.{level}.attentions.{layer}"] = f"output_blocks.{number}.1"
            if layer == LAYERS and level == 0:  # the deepest level has no attention before its upsampling
                names[f"up_blocks.{level}.upsamplers.0.conv"] = f"output_blocks.{number}.1.conv"
            number += 1
    return names


def autoencoder(vae: AutoencoderKL) -> dict[str, torch.Tensor]:
    """The autoencoder as model.py of the original names it; its attention is made of convolutions there."""
    names = {"quant_conv": "quant_conv", "post_quant_conv": "post_quant_conv"}
    for half in ("encoder", "decoder"):
        names |= {f"{half}.conv_in": f"{half}.conv_in", f"{half}.conv_out": f"{half}.conv_out"}
        names |= {f"{half}.conv_norm_out": f"{half}.norm_out"}
        names |= {f"{half}.mid_block.resnets.{n}": f"{half}.mid.block_{n + 1}" for n in (0, 1)}
        for ldm, diffusers in {
            "norm": "group_norm",
            "q": "to_q",
            "k": "to_k",
            "v": "to_v",
            "proj_out": "to_out.0",
        }.items():
            names[f"{half}.mid_block.attentions.0.{diffusers}"] = f"{half}.mid.attn_1.{ldm}"
    for level in range(LEVELS):
        names |= {f"encoder.down_blocks.{level}.resnets.{n}": f"encoder.down.{level}.block.{n}" for n in range(LAYERS)}
        names[f"encoder.down_blocks.{level}.downsamplers.0.conv"] = f"encoder.down.{level}.downsample.conv"
        up = LEVELS - 1 - level
        names |= {f"decoder.up_blocks.{level}.resnets.{n}": f"decoder.up.{up}.block.{n}" for n in range(LAYERS + 1)}
        names[f"decoder.up_blocks.{level}.upsamplers.0.conv"] = f"decoder.up.{up}.upsample.conv"
    tensors = {}
    for name, tensor in renamed(vae, names).items():
        is_matrix = ".attn_1." in name and tensor.ndim == 2
        tensors[name.replace("conv_shortcut", "nin_shortcut")] = tensor[..., None, None] if is_matrix else tensor
    return tensors


def open_clip(text_encoder: CLIPTextModel) -> dict[str, torch.Tensor]:
    """The text encoder as open_clip names it, with the last layer that Stable Diffusion 2 does not use."""
    weights = {name.removeprefix("text_model."): tensor for name, tensor in text_encoder.state_dict().items()}
    tensors = {
        "token_embedding.weight": weights["embeddings.token_embedding.weight"],
        "positional_embedding": weights["embeddings.position_embedding.weight"],
        "ln_final.weight": weights["final_layer_norm.weight"],
        "ln_final.bias": weights["final_layer_norm.bias"],
        "text_projection": torch.zeros(64, 64),
        "logit_scale": torch.tensor(4.6),
    }
    same = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    same["attn.out_proj"] = "self_attn.out_proj"
    for number in range(text_encoder.config.num_hidden_layers):
        there, here = f"encoder.layers.{number}", f"transformer.resblocks.{number}"
        for kind in ("weight", "bias"):
            tensors |= {f"{here}.{ldm}.{kind}": weights[f"{there}.{hf}.{kind}"] for ldm, hf in same.items()}
            projections = [weights[f"{there}.self_attn.{p}_proj.{kind}"] for p in "qkv"]
            tensors[f"{here}.attn.in_proj_{kind}"] = torch.cat(projections)
    last = f"transformer.resblocks.{text_encoder.config.num_hidden_layers}"
    first = {name: tensor for name, tensor in tensors.items() if name.startswith("transformer.resblocks.0.")}
    tensors |= {name.replace("transformer.resblocks.0", last): tensor + 1 for name, tensor in first.items()}
    return prefixed("model.", tensors)


def save_folder(pipeline: StableDiffusionPipeline, folder: Path, channels: int) -> Path:
    """As diffusers saves a pipeline of the kind."""
    pipeline.save_pretrained(folder)
    index = folder / "model_index.json"
    index.write_text(index.read_text().replace('"StableDiffusionPipeline"', f'"{CLASSES[channels]}"'))
    return folder
