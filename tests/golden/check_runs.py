"""Run every golden case through ONNX Runtime and diffusers' schedulers, and say how far it comes out from torch.

It proves that the goldens can be met with the exported graphs, and shows what difference is the runtime's alone.
"""

import json

import numpy as np
import onnxruntime
import torch
from diffusers import StableDiffusionInstructPix2PixPipeline
from make_goldens import FOLDER, SIZES
from make_inputs import floor
from make_pipelines import COMPONENTS, HERE
from PIL import Image
from safetensors.torch import load_file
from schedulers import make_scheduler, step_arguments

PIXEL_LIMIT = 1


def sessions(name: str) -> dict[str, onnxruntime.InferenceSession]:
    providers = ["CPUExecutionProvider"]
    return {
        part: onnxruntime.InferenceSession(HERE / name / part / "model.onnx", providers=providers)
        for part in COMPONENTS
    }


def call(session: onnxruntime.InferenceSession, **inputs: np.ndarray) -> torch.Tensor:
    """The first output, the inputs cast as the graph declares them."""
    types = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(float)": np.float32}
    feed = {declared.name: inputs[declared.name].astype(types[declared.type]) for declared in session.get_inputs()}
    return torch.from_numpy(session.run(None, feed)[0])


def latent_rows(parts: dict, image: Image.Image) -> torch.Tensor:
    """The rows [image, image, zeros] of the conditioning."""
    pixels = np.asarray(image, np.float32).transpose(2, 0, 1)[None] / 255 * 2 - 1
    encoded = call(parts["vae_encoder"], sample=pixels)[:, :4]
    return torch.cat([encoded, encoded, torch.zeros_like(encoded)])


def predict(parts: dict, sample: torch.Tensor, timestep: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    shape = [len(sample)] if parts["unet"].get_inputs()[1].shape else []
    time = np.full(shape, timestep.item())
    return call(parts["unet"], sample=sample.numpy(), timestep=time, encoder_hidden_states=text.numpy())


def run(parts: dict, pipe: StableDiffusionInstructPix2PixPipeline, case: dict) -> tuple[torch.Tensor, np.ndarray]:
    """The latents after every step and the picture."""
    texts = [case["instruction"], case["negative_prompt"], case["negative_prompt"]]
    ids = pipe.tokenizer(texts, padding="max_length", truncation=True, return_tensors="np").input_ids
    text = torch.cat([call(parts["text_encoder"], input_ids=ids[row : row + 1]) for row in range(3)])
    condition = latent_rows(parts, floor(Image.open(FOLDER / case["input"]), pipe.vae_scale_factor))
    scheduler = make_scheduler(case["scheduler"], pipe.scheduler.config)
    scheduler.set_timesteps(case["num_inference_steps"])
    generator = torch.Generator("cpu").manual_seed(int(case["seed"]))
    extra = step_arguments(scheduler, generator)
    latents = torch.randn((1, 4, *condition.shape[2:]), generator=generator) * scheduler.init_noise_sigma
    text_scale, image_scale = case["guidance_scale"], case["image_guidance_scale"]
    if case["guidance"] == "diffusers" and not (text_scale > 1 and image_scale >= 1):
        text_scale = image_scale = 1.0
    after = []
    for timestep in scheduler.timesteps:
        scaled = scheduler.scale_model_input(latents, timestep)
        rows = torch.cat([torch.cat([scaled] * 3), condition], dim=1)
        by_text, by_image, by_none = predict(parts, rows, timestep, text).split(1)
        predicted = text_scale * by_text + (image_scale - text_scale) * by_image + (1 - image_scale) * by_none
        latents = scheduler.step(predicted, timestep, latents, **extra, return_dict=False)[0]
        after.append(latents)
    decoded = call(parts["vae_decoder"], latent_sample=(latents / pipe.vae.config.scaling_factor).numpy())
    pixels = (decoded / 2 + 0.5).clamp(0, 1).numpy()[0].transpose(1, 2, 0)
    return torch.cat(after), (pixels * 255).round().astype(np.uint8)


def main() -> None:
    worst = 0
    for name in SIZES:
        parts, arrays = sessions(name), load_file(FOLDER / f"{name}.safetensors")
        pipe = StableDiffusionInstructPix2PixPipeline.from_pretrained(HERE / "weights" / name, safety_checker=None)
        for case in json.loads((FOLDER / f"{name}.json").read_text())["cases"]:
            latents, pixels = run(parts, pipe, case)
            expected = arrays[f"{case['name']}.latents"]
            latent_difference = ((latents - expected).abs().max() / expected.abs().max()).item()
            golden = np.asarray(Image.open(FOLDER / case["png"])).astype(int)
            pixel_difference = int(np.abs(pixels - golden).max())
            worst = max(worst, pixel_difference)
            print(f"{name}.{case['name']:30} latents {latent_difference:.1e} of the largest, pixels {pixel_difference}")
    assert worst <= PIXEL_LIMIT, f"a pixel differs by {worst}"


if __name__ == "__main__":
    main()
