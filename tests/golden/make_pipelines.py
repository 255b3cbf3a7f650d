"""Make small pipelines with random weights and export them with Optimum.

`tiny_generate` (4 channels) and `tiny_inpaint` (9) are for the kinds beside editing. The two that edit differ in
whatever a reader of model folders could wrongly assume:

|                    | tiny_eps                     | tiny_v                                  |
|--------------------|------------------------------|-----------------------------------------|
| prediction type    | epsilon                      | v_prediction                            |
| scheduler config   | as instruct-pix2pix ships it | as a Stable Diffusion 2 might           |
| VAE                | factor 4, scale 0.18215      | factor 8, scale 0.3                     |
| VAE encoder's output | `latent_parameters`        | `latent_sample` (the mean)              |
| UNet               | 2 levels, 1 layer            | 3 levels, 2 layers, linear projections  |
| `timestep`         | f32 scalar, as Optimum has it | i64, one per row                       |
| `input_ids`        | i64                          | i32                                     |
| context            | 77 tokens of 32              | 24 tokens of 40                         |
| tokenizer          | vocab.json + merges.txt, padded with the end mark | tokenizer.json, padded with "!" |

The torch weights go to `weights/NAME` (not committed: seeds make them again), the exports to `NAME`.
Every exported component is compared with torch before anything else is made of it.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from diffusers import DiffusionPipeline
from onnx import TensorProto, helper
from optimum.exporters.onnx import main_export
from recipes import KIND_RECIPES, RECIPES, Recipe, build
from transformers import CLIPTokenizerFast

HERE = Path(__file__).parent
RELATIVE_LIMIT = 1e-4
"""Largest difference between torch and the export, as a share of the largest output."""
TASKS = {4: "text-to-image", 8: "image-to-image", 9: "inpainting"}
COMPONENTS = ["text_encoder", "unet", "vae_encoder", "vae_decoder"]


# --- export --------------------------------------------------------------------------------------


def write_configs(recipe: Recipe, source: Path, target: Path) -> None:
    """The scheduler's configuration as its recipe has it, and the tokenizer's files of one form only."""
    config = {"_class_name": recipe.scheduler.__name__, "_diffusers_version": "0.12.0.dev0"} | recipe.scheduler_config
    for folder in (source, target):
        (folder / "scheduler").mkdir(exist_ok=True)
        (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(config, indent=2) + "\n")
    shutil.rmtree(target / "tokenizer", ignore_errors=True)
    if recipe.fast_tokenizer:
        CLIPTokenizerFast.from_pretrained(source / "tokenizer").save_pretrained(target / "tokenizer")
        for name in ("vocab.json", "merges.txt"):
            (target / "tokenizer" / name).unlink()
    else:
        shutil.copytree(source / "tokenizer", target / "tokenizer")


def forget_paths(folder: Path) -> None:
    """Drop from the configurations where on this machine the weights lay."""
    for path in folder.rglob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("_name_or_path", None) is not None:
            path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def export(recipe: Recipe, source: Path, target: Path) -> None:
    """Optimum's export, and then what distinguishes the variants of a recipe."""
    shutil.rmtree(target, ignore_errors=True)
    main_export(str(source), output=target, task=TASKS[recipe.channels], library_name="diffusers", do_validation=False)
    write_configs(recipe, source, target)
    forget_paths(target)
    edits = {
        "latent_sample": ("vae_encoder", give_the_mean),
        "timestep_rows": ("unet", timestep_one_per_row),
        "int32_ids": ("text_encoder", ids_as_int32),
    }
    for variant in recipe.variants:
        component, edit = edits[variant]
        path = target / component / "model.onnx"
        model = onnx.load(path)
        edit(model.graph)
        onnx.checker.check_model(model)
        onnx.save(model, path)


def give_the_mean(graph: onnx.GraphProto) -> None:
    """Output `latent_sample`: the first half of the channels, as exports without the variance have it."""
    [output] = graph.output
    channels = output.type.tensor_type.shape.dim[1].dim_value // 2
    bounds = {"mean_start": [0], "mean_end": [channels], "mean_axis": [1]}
    graph.initializer.extend(helper.make_tensor(name, TensorProto.INT64, [1], value) for name, value in bounds.items())
    graph.node.append(helper.make_node("Slice", [output.name, *bounds], ["latent_sample"]))
    output.name = "latent_sample"
    output.type.tensor_type.shape.dim[1].dim_value = channels


def timestep_one_per_row(graph: onnx.GraphProto) -> None:
    """Input `timestep`: int64 with an entry for each row, in place of a float scalar expanded to the rows."""
    [timestep] = [value for value in graph.input if value.name == "timestep"]
    timestep.type.tensor_type.elem_type = TensorProto.INT64
    timestep.type.tensor_type.shape.dim.add().dim_param = "batch_size"
    [unsqueeze] = [node for node in graph.node if "timestep" in node.input]
    assert unsqueeze.op_type == "Unsqueeze", unsqueeze
    [axes] = [node for node in graph.node if node.output[0] == unsqueeze.input[1]]
    graph.node.remove(axes)
    graph.node.insert(0, helper.make_node("Cast", ["timestep"], [unsqueeze.output[0]], to=TensorProto.FLOAT))
    graph.node.remove(unsqueeze)


def ids_as_int32(graph: onnx.GraphProto) -> None:
    """Input `input_ids`: int32, widened inside."""
    [ids] = graph.input
    ids.type.tensor_type.elem_type = TensorProto.INT32
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name == ids.name:
                node.input[position] = "input_ids_int64"
    graph.node.insert(0, helper.make_node("Cast", [ids.name], ["input_ids_int64"], to=TensorProto.INT64))


# --- comparison ----------------------------------------------------------------------------------


@torch.no_grad()
def component_cases(pipe: DiffusionPipeline) -> dict[str, tuple[dict, torch.Tensor]]:
    """For each component its inputs by name, and what torch makes of them; sizes that no trace has seen."""
    generator = torch.Generator("cpu").manual_seed(99)
    factor, levels = pipe.vae_scale_factor, len(pipe.unet.config.block_out_channels)
    height, width = 2 * 2 ** (levels - 1), 3 * 2 ** (levels - 1)
    ids = pipe.tokenizer(["make it winter", "a red house"], padding="max_length", return_tensors="pt").input_ids
    context = pipe.text_encoder(ids)[0]
    sample = torch.randn(2, pipe.unet.config.in_channels, height, width, generator=generator)
    latents = torch.randn(1, 4, height, width, generator=generator) / pipe.vae.config.scaling_factor
    image = torch.rand(1, 3, height * factor, width * factor, generator=generator) * 2 - 1
    unet_inputs = {"sample": sample, "timestep": torch.tensor(481), "encoder_hidden_states": context}
    return {
        "text_encoder": ({"input_ids": ids}, context),
        "unet": (unet_inputs, pipe.unet(**unet_inputs).sample),
        "vae_encoder": ({"sample": image}, pipe.vae.encode(image).latent_dist.mean),
        "vae_decoder": ({"latent_sample": latents}, pipe.vae.decode(latents).sample),
    }


def run(path: Path, inputs: dict[str, torch.Tensor]) -> np.ndarray:
    """The first output of a graph, with the inputs cast to the types it declares."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    types = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(float)": np.float32}
    feed = {}
    for declared in session.get_inputs():
        value = inputs[declared.name].numpy().astype(types[declared.type])
        rows = len(inputs["sample"]) if declared.name == "timestep" and declared.shape else None
        feed[declared.name] = np.repeat(value, rows) if rows else value
    return session.run(None, feed)[0]


def compare(pipe: DiffusionPipeline, folder: Path) -> None:
    """Stop unless every exported component gives what torch gives."""
    for component, (inputs, expected) in component_cases(pipe).items():
        got = run(folder / component / "model.onnx", inputs)[:, : expected.shape[1]]
        difference = np.abs(got - expected.numpy()).max() / expected.abs().max().item()
        print(f"  {component:13} spread {expected.std():.3f}, relative difference {difference:.1e}")
        assert expected.std() > 0.05, f"{component} hardly varies"
        assert difference < RELATIVE_LIMIT, f"{component} differs from torch by {difference}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-weights", type=Path, default=HERE / "weights")
    parser.add_argument("names", nargs="*", help="which pipelines; all by default")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recipes = [*RECIPES, *KIND_RECIPES]
    for recipe in [recipe for recipe in recipes if not arguments.names or recipe.name in arguments.names]:
        source, target = arguments.torch_weights / recipe.name, HERE / recipe.name
        shutil.rmtree(source, ignore_errors=True)
        pipe = build(recipe, source / "vocabulary")
        pipe.save_pretrained(source)
        shutil.rmtree(source / "vocabulary")
        export(recipe, source, target)
        size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
        print(f"{recipe.name}: {size / 1e6:.2f} MB")
        compare(pipe, target)


if __name__ == "__main__":
    main()
