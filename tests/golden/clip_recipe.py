"""The recipe of a small CLIP model, in whatever a reader could wrongly assume unlike the real one."""

from pathlib import Path

import torch
from clip_vocabulary import END, START, write_tokenizer_files
from recipes import randomise
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

SEED = 5
MERGES = 60
CONTEXT = 20
SIDE = 32
PREPROCESSING = {
    "size": {"shortest_edge": 36},
    "crop_size": {"height": SIDE, "width": SIDE},
    "image_mean": [0.45, 0.5, 0.4],
    "image_std": [0.25, 0.3, 0.2],
}


def build_clip(folder: Path) -> CLIPModel:
    """Write the model with weights made from the seed, its tokenizer and its preprocessing; gives the model."""
    write_tokenizer_files(folder, MERGES)
    tokenizer = CLIPTokenizer.from_pretrained(folder, model_max_length=CONTEXT)
    shared = {"intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "projection_dim": 16}
    tokens = {
        "bos_token_id": tokenizer.convert_tokens_to_ids(START),
        "eos_token_id": tokenizer.convert_tokens_to_ids(END),
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = CLIPConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 24,
            "max_position_embeddings": CONTEXT,
            **tokens,
            **shared,
        },
        vision_config={"hidden_size": 32, "image_size": SIDE, "patch_size": 8, **shared},
        projection_dim=shared["projection_dim"],
    )
    model = CLIPModel(config).eval()
    randomise(model, torch.Generator("cpu").manual_seed(SEED))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessor(**PREPROCESSING).save_pretrained(folder)
    return model
