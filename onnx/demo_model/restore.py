"""Turns the committed ONNX folder back into what training and evaluation read, so that both can go on.

    python restore.py ../demo --work WORK

writes WORK/pipeline, WORK/autoencoder.pt and WORK/editor.pt. Weights are those committed: averaged, and
rounded to float16.
"""

import argparse
import json
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from transformers import CLIPTokenizer

from models import new_autoencoder, new_text_encoder, new_unet, save_pipeline

TRANSPOSED, UNSQUEEZED = ".T", ".unsqueezed"  # what the exporter adds to names of weights it has reshaped


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="the folder written by export.py")
    parser.add_argument("--work", type=Path, required=True, help="folder for the results")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    tokenizer = CLIPTokenizer.from_pretrained(args.model / "tokenizer")
    autoencoder, unet, text_encoder = new_autoencoder(), new_unet(), new_text_encoder(tokenizer)
    load(autoencoder, weights(args.model / "vae_encoder") | weights(args.model / "vae_decoder"))
    load(unet, weights(args.model / "unet"))
    load(text_encoder, weights(args.model / "text_encoder"))
    config = json.loads((args.model / "vae_decoder/config.json").read_text())
    autoencoder.register_to_config(scaling_factor=config["scaling_factor"])
    editor = {f"unet.{name}": value for name, value in unet.state_dict().items()}
    editor |= {f"text.{name}": value for name, value in text_encoder.state_dict().items()}
    torch.save({"average": autoencoder.state_dict()}, args.work / "autoencoder.pt")
    torch.save({"average": editor}, args.work / "editor.pt")
    save_pipeline(args.work / "pipeline", autoencoder, unet, text_encoder, tokenizer)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The initializers of a graph by torch's names, transposed back where the exporter transposed them."""
    found = {}
    for tensor in onnx.load(folder / "model.onnx").graph.initializer:
        value = torch.from_numpy(numpy_helper.to_array(tensor).copy())
        if tensor.name.endswith(TRANSPOSED):
            value = value.T
        found[tensor.name.removesuffix(TRANSPOSED).removesuffix(UNSQUEEZED)] = value
    return found


def load(network, found: dict[str, torch.Tensor]):
    """Fills a network; stops if a weight is missing or does not fit."""
    own = network.state_dict()
    missing = [name for name, value in own.items() if name not in found or found[name].numel() != value.numel()]
    if missing:
        raise SystemExit(
            f"error: the folder lacks {len(missing)} weights, among them {missing[0]}\n"
            "hint: export it with the export.py of the same version"
        )
    network.load_state_dict({name: found[name].float().reshape(value.shape) for name, value in own.items()})


if __name__ == "__main__":
    main()
