"""Make the golden run at a size that no level of the UNet halves evenly: 132 x 100 on the demo model.

The weights are those of the committed ONNX folder, read back into torch; the pipeline is diffusers', float32, CPU.
Writes `runs/odd_size/input.png` and `runs/odd_size/expected.png`.
"""

import sys
import tempfile
from pathlib import Path

import torch
from diffusers import StableDiffusionInstructPix2PixPipeline
from make_inputs import picture

HERE = Path(__file__).parent
FOLDER = HERE / "runs/odd_size"
ONNX = HERE.parent.parent / "onnx"
sys.path.insert(0, str(ONNX / "demo_model"))


def restored(folder: Path) -> StableDiffusionInstructPix2PixPipeline:
    """The demo model as a torch pipeline."""
    import restore

    sys.argv = ["restore.py", str(ONNX / "demo"), "--work", str(folder)]
    restore.main()
    return StableDiffusionInstructPix2PixPipeline.from_pretrained(folder / "pipeline", safety_checker=None)


def main() -> None:
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    image = picture(132, 100, seed=7)
    image.save(FOLDER / "input.png", optimize=True)
    with tempfile.TemporaryDirectory() as folder:
        pipe = restored(Path(folder))
        [result] = pipe(
            "make it winter",
            image=image,
            negative_prompt="",
            guidance_scale=5.0,
            image_guidance_scale=1.5,
            num_inference_steps=4,
            generator=torch.Generator("cpu").manual_seed(42),
        ).images
    assert result.size == image.size, result.size
    result.save(FOLDER / "expected.png", optimize=True)


if __name__ == "__main__":
    main()
