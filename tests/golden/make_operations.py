"""Count the operations of one UNet row by torch's own counter: `operations.json`.

Convolutions and matrix products, two operations for each multiplication with its addition. Attention is computed by
its plain products, which the counter knows. The weights do not matter: the full architecture has none at all.
"""

import json
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch.utils.flop_counter import FlopCounterMode

HERE = Path(__file__).parent
MODELS = {
    "tiny_eps": HERE / "tiny_eps",
    "tiny_v": HERE / "tiny_v",
    "demo": HERE.parent.parent / "onnx/demo",
}


def count(config: dict, size: tuple[int, int], tokens: int) -> dict:
    """The operations of one row of latents of a size."""
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(config)
        unet.set_attn_processor(AttnProcessor())
        sample = torch.zeros(1, unet.config.in_channels, *size)
        text = torch.zeros(1, tokens, unet.config.cross_attention_dim)
        with FlopCounterMode(display=False) as counter:
            unet(sample, torch.tensor(500.0), text)
    return {"sample": list(sample.shape), "text": list(text.shape), "operations": counter.get_total_flops()}


def main() -> None:
    golden = {}
    for name, folder in MODELS.items():
        config = json.loads((folder / "unet/config.json").read_text())
        tokens = json.loads((folder / "text_encoder/config.json").read_text())["max_position_embeddings"]
        side = config["sample_size"]
        golden[name] = count(config, (side, side), tokens)
    (HERE / "operations.json").write_text(json.dumps(golden, indent=1) + "\n")
    real = {"in_channels": 8, "cross_attention_dim": 768}
    print(f"the real model at 512 x 512: {count(real, (64, 64), 77)['operations'] / 1e12:.3f} TFLOP a row")


if __name__ == "__main__":
    main()
