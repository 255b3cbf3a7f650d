"""Make the golden CLIP measures: a small CLIP model, exported, and what transformers itself computes with it.

The similarities are those of the InstructPix2Pix repository (`metrics/clip_similarity.py`): features of length 1;
the cosine of both images, and that of the change of the image and the change of the caption. Images are
prepared by transformers' `CLIPImageProcessor`, with Pillow.

Writes `clip/model/` (by `onnx/export_clip.py`), `clip/images/`, `clip/index.json` and `clip/arrays.safetensors`.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
import transformers
from clip_recipe import PREPROCESSING, build_clip
from make_inputs import picture
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPImageProcessor, CLIPModel, CLIPTokenizerFast

HERE = Path(__file__).parent
FOLDER = HERE / "clip"
sys.path.insert(0, str(HERE.parents[1] / "onnx"))

import export_clip  # noqa: E402

IMAGES = {"wide": (118, 75, 1), "tall": (40, 110, 2), "small": (21, 30, 3), "fits": (36, 36, 4), "square": (90, 90, 6)}
"""Width, height and seed. Pillow 13 scales the columns of `tall` first, `small` is scaled up."""
VARIANTS = {
    "own": {},
    "bilinear": {"resample": 2},
    "lanczos": {"resample": 1},
    "stretched": {"size": {"height": 32, "width": 32}, "do_center_crop": False},
    "uneven crop": {"size": {"shortest_edge": 47}, "crop_size": {"height": 32, "width": 31}},
}
"""Other preprocessings than the model's own."""
CAPTIONS = [
    ("a house by a lake", "a house by a lake in winter"),
    ("a photo of mountains", "a pencil sketch of mountains"),
    ("", "make it a snowy winter day with snow on the trees, with stars and a full moon, at sunset, in the rain"),
]
"""Before and after; the last one is cut off."""
RUNS = ["euler_ancestral", "steps_20", "strong", "formula_text_half", "formula_image_half"]
"""Of `runs/tiny_eps.json`: all with one input."""


class Clip:
    """The model as transformers runs it; features have length 1."""

    def __init__(self, folder: Path):
        self.model = CLIPModel.from_pretrained(folder).eval()
        self.tokenizer = CLIPTokenizerFast.from_pretrained(folder)
        self.processor = CLIPImageProcessor.from_pretrained(folder)

    def text(self, text: str) -> torch.Tensor:
        tokens = self.tokenizer([text], padding="max_length", truncation=True, return_tensors="pt")
        return F.normalize(self.model.get_text_features(**tokens))

    def image(self, image: Image.Image) -> torch.Tensor:
        return F.normalize(self.model.get_image_features(**self.processor(image, return_tensors="pt")))

    def similarities(self, before: Image.Image, after: Image.Image, captions: tuple[str, str]) -> dict[str, float]:
        """Both measures of an edit."""
        images = self.image(before), self.image(after)
        texts = [self.text(caption) for caption in captions]
        return {
            "image_similarity": F.cosine_similarity(*images).item(),
            "direction_similarity": F.cosine_similarity(images[1] - images[0], texts[1] - texts[0]).item(),
        }


def prepared(images: dict[str, Image.Image]) -> dict[str, torch.Tensor]:
    """Every image under every preprocessing."""
    arrays = {}
    for variant, changes in VARIANTS.items():
        processor = CLIPImageProcessor(**PREPROCESSING | changes)
        for name, image in images.items():
            arrays[f"{variant}.{name}"] = processor(image, return_tensors="pt").pixel_values
    return arrays


def measured(clip: Clip, pairs: list[tuple[str, str]]) -> list[dict]:
    """Every pair of images, by paths in the golden data, with every pair of captions."""
    opened = {path: Image.open(HERE / path).convert("RGB") for pair in pairs for path in pair}
    return [
        {"input": before, "output": after, "before": captions[0], "after": captions[1]}
        | clip.similarities(opened[before], opened[after], captions)
        for before, after in pairs
        for captions in CAPTIONS
    ]


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "images").mkdir(parents=True)
    images = {name: picture(*made) for name, made in IMAGES.items()}
    for name, image in images.items():
        image.save(FOLDER / "images" / f"{name}.png", optimize=True)
    runs = {case["name"]: case for case in json.loads((HERE / "runs/tiny_eps.json").read_text())["cases"]}
    pairs = [(f"runs/{runs[name]['input']}", f"runs/{runs[name]['png']}") for name in RUNS]
    pairs += [("clip/images/wide.png", "clip/images/tall.png"), ("clip/images/square.png", "clip/images/small.png")]
    with tempfile.TemporaryDirectory() as folder:
        build_clip(Path(folder))
        assert export_clip.main([folder, "--out", str(FOLDER / "model"), "--verify"]) == 0
        clip = Clip(Path(folder))
        arrays = prepared(images)
        arrays |= {f"text.{index}": clip.text(after) for index, (_, after) in enumerate(CAPTIONS)}
        arrays |= {f"image.{name}": clip.image(image) for name, image in images.items()}
        cases = measured(clip, pairs)
    save_file({name: array.contiguous() for name, array in arrays.items()}, FOLDER / "arrays.safetensors")
    index = {
        "transformers": transformers.__version__,
        "images": list(IMAGES),
        "variants": {name: PREPROCESSING | changes for name, changes in VARIANTS.items()},
        "captions": CAPTIONS,
        "runs": RUNS,
        "cases": cases,
    }
    (FOLDER / "index.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
