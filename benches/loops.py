"""The two loops that `ip2p run` is timed against, as people write them. Each runs a whole grid and prints one
JSON line: seconds of the loop, from the first encoding to the last image on disk, without loading.

    python loops.py onnxruntime GRID.json --out FOLDER
    python loops.py diffusers GRID.json --out FOLDER

`onnxruntime` calls the ONNX files that `ip2p` calls, three rows a step in one batch, with diffusers' scheduler
(Optimum's pipelines do the same). `diffusers` is its pipeline on the weights those files were exported from.
Instruction and image are encoded once by the first and for every cell by the second, whose interface does that.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from PIL import Image


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("loop", choices=("onnxruntime", "diffusers"))
    parser.add_argument("grid", type=Path, help="what to run, as cpu.py writes it")
    parser.add_argument("--out", type=Path, required=True, help="folder for the images")
    args = parser.parse_args()
    grid = json.loads(args.grid.read_text())
    args.out.mkdir(parents=True, exist_ok=True)
    edit_all = {"onnxruntime": with_onnxruntime, "diffusers": with_diffusers}[args.loop](grid)
    begun = time.perf_counter()
    for cell, image in edit_all(cells(grid)):
        image.save(args.out / f"{name(cell)}.png")
    print(json.dumps({"loop_s": time.perf_counter() - begun}))


def cells(grid: dict) -> list[tuple[float, float, int]]:
    """(image scale, text scale, seed) in the order in which `ip2p` runs them."""
    return [
        (image, text, seed)
        for seed in grid["seeds"]
        for image in grid["image_guidance_scale"]
        for text in grid["guidance_scale"]
    ]


def name(cell: tuple[float, float, int]) -> str:
    image, text, seed = cell
    return f"i{image}-g{text}-s{seed}"


def with_onnxruntime(grid: dict):
    """A loop over ONNX Runtime sessions; loads, and returns what runs the cells."""
    import diffusers
    import onnxruntime
    import torch
    from transformers import CLIPTokenizer

    torch.set_num_threads(grid["threads"])
    folder = Path(grid["model"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = grid["threads"]
    providers = grid["providers"]
    text_encoder, vae_encoder, unet, vae_decoder = (
        onnxruntime.InferenceSession(folder / part / "model.onnx", options, providers=providers)
        for part in ("text_encoder", "vae_encoder", "unet", "vae_decoder")
    )
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    config = json.loads((folder / "scheduler/scheduler_config.json").read_text())
    scheduler = getattr(diffusers, config["_class_name"]).from_config(config)
    scaling_factor = json.loads((folder / "vae_decoder/config.json").read_text())["scaling_factor"]
    sample_type = np.float16 if "float16" in unet.get_inputs()[0].type else np.float32

    def embed(text: str) -> np.ndarray:
        ids = tokenizer(text, padding="max_length", truncation=True).input_ids
        port = text_encoder.get_inputs()[0]
        return text_encoder.run(None, {port.name: np.array([ids], np.int32 if "int32" in port.type else np.int64)})[0]

    def edit_all(wanted):
        picture = np.asarray(Image.open(grid["image"]).convert("RGB"), np.float32)
        pixels = (picture / 127.5 - 1).transpose(2, 0, 1)[None]
        channels = 4
        image = vae_encoder.run(None, {vae_encoder.get_inputs()[0].name: pixels})[0][:, :channels]
        instruction, negative = embed(grid["instruction"]), embed("")
        text = np.concatenate([instruction, negative, negative]).astype(sample_type)
        images = np.concatenate([image, image, np.zeros_like(image)])
        for image_scale, text_scale, seed in wanted:
            generator = torch.Generator().manual_seed(seed)
            scheduler.set_timesteps(grid["num_inference_steps"])
            latents = torch.randn(image.shape, generator=generator) * scheduler.init_noise_sigma
            for timestep in scheduler.timesteps:
                scaled = scheduler.scale_model_input(latents, timestep).numpy()
                sample = np.concatenate([np.repeat(scaled, 3, axis=0), images], axis=1).astype(sample_type)
                feeds = dict(
                    zip(
                        [port.name for port in unet.get_inputs()],
                        (sample, timestep_for(unet, timestep), text),
                        strict=True,
                    )
                )
                with_text, with_image, without = unet.run(None, feeds)[0].astype(np.float32)
                guided = without + text_scale * (with_text - with_image) + image_scale * (with_image - without)
                latents = scheduler.step(
                    torch.from_numpy(guided[None]), timestep, latents, generator=generator
                ).prev_sample
            decoded = vae_decoder.run(
                None, {vae_decoder.get_inputs()[0].name: latents.numpy() / np.float32(scaling_factor)}
            )[0]
            levels = np.clip(decoded[0].transpose(1, 2, 0) / 2 + 0.5, 0, 1) * 255
            yield (image_scale, text_scale, seed), Image.fromarray(levels.round().astype(np.uint8))

    return edit_all


def timestep_for(unet, timestep) -> np.ndarray:
    """The timestep in the type and shape that the graph takes."""
    port = unet.get_inputs()[1]
    kind = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64}[port.type]
    value = np.array(float(timestep), dtype=kind)
    return value if not port.shape else np.repeat(value, 1 if port.shape[0] == 1 else 3)


def with_diffusers(grid: dict):
    """diffusers' own pipeline, a call a cell."""
    import torch
    from diffusers import StableDiffusionInstructPix2PixPipeline

    torch.set_num_threads(grid["threads"])
    kind = torch.float16 if grid["half"] else torch.float32
    pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained(
        grid["pipeline"], torch_dtype=kind, safety_checker=None
    )
    pipeline = pipeline.to(grid["torch_device"])
    pipeline.set_progress_bar_config(disable=True)

    def edit_all(wanted):
        picture = Image.open(grid["image"]).convert("RGB")
        for image_scale, text_scale, seed in wanted:
            result = pipeline(
                grid["instruction"],
                image=picture,
                num_inference_steps=grid["num_inference_steps"],
                guidance_scale=text_scale,
                image_guidance_scale=image_scale,
                generator=torch.Generator().manual_seed(seed),
            )
            yield (image_scale, text_scale, seed), result.images[0]

    return edit_all


if __name__ == "__main__":
    main()
