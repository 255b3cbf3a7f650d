"""What the exported graphs compute, and what is in the folders."""

import json
import shutil
from pathlib import Path

import export
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from ip2p_export import graph
from onnx import TensorProto, numpy_helper
from safetensors.torch import load_file, save_file

TEXT_WEIGHTS = "text_encoder/model.safetensors"


def run_export(folder: Path, out: Path, *options: str) -> Path:
    assert export.main([str(folder), "--out", str(out), *options]) == 0
    return out


def session(folder: Path, component: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(folder / component / "model.onnx", providers=["CPUExecutionProvider"])


def unet_inputs(height: int, width: int, width_of_text: int, dtype: type = np.float32) -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    return {
        "sample": random.normal(size=(1, 8, height, width)).astype(dtype),
        "timestep": np.array(481.25, np.float32),
        "encoder_hidden_states": random.normal(size=(1, 24, width_of_text)).astype(dtype),
    }


@pytest.fixture(scope="module")
def exported(pipelines: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_export(pipelines["tiny_v"], tmp_path_factory.mktemp("fp32") / "out")


@pytest.fixture(scope="module")
def exported_fp16(pipelines: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_export(pipelines["tiny_v"], tmp_path_factory.mktemp("fp16") / "out", "--precision", "fp16")


@pytest.mark.parametrize("name", ["tiny_eps", "tiny_v"])
@pytest.mark.parametrize("options", [[], ["--store", "fp16"], ["--precision", "fp16"]])
def test_every_precision_passes_its_own_verification(
    pipelines: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture, name: str, options: list[str]
) -> None:
    run_export(pipelines[name], tmp_path / "out", "--verify", *options)
    assert "latents, step 5" in capsys.readouterr().out


@pytest.mark.parametrize("size", [(4, 4), (5, 7), (16, 12), (13, 6), (31, 33)])
def test_the_unet_takes_any_size_of_latents(pipelines: dict[str, Path], exported: Path, size: tuple[int, int]) -> None:
    inputs = unet_inputs(*size, width_of_text=40)
    unet = UNet2DConditionModel.from_pretrained(pipelines["tiny_v"] / "unet")
    with torch.no_grad():
        expected = unet(*map(torch.from_numpy, inputs.values())).sample.numpy()
    [found] = session(exported, "unet").run(None, inputs)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-4


def test_the_unet_says_that_it_takes_any_size(exported: Path) -> None:
    assert session(exported, "unet").get_modelmeta().custom_metadata_map == {"ip2p_latent_multiple": "1"}


def test_the_folder_has_the_layout_of_optimum(exported: Path) -> None:
    files = {str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()}
    components = ["text_encoder", "unet", "vae_encoder", "vae_decoder"]
    assert files >= {f"{name}/{file}" for name in components for file in ("model.onnx", "config.json")}
    assert files >= {"model_index.json", "scheduler/scheduler_config.json", "tokenizer/vocab.json"}
    names = {
        name: [value.name for value in (*session(exported, name).get_inputs(), *session(exported, name).get_outputs())]
        for name in components
    }
    assert names == {
        "text_encoder": ["input_ids", "last_hidden_state"],
        "unet": ["sample", "timestep", "encoder_hidden_states", "out_sample"],
        "vae_encoder": ["sample", "latent_parameters"],
        "vae_decoder": ["latent_sample", "sample"],
    }


def test_the_image_encoder_gives_the_mean(pipelines: dict[str, Path], exported: Path) -> None:
    image = np.random.default_rng(1).uniform(-1, 1, (1, 3, 40, 24)).astype(np.float32)
    vae = AutoencoderKL.from_pretrained(pipelines["tiny_v"] / "vae")
    with torch.no_grad():
        mean = vae.encode(torch.from_numpy(image)).latent_dist.mean.numpy()
    found = [session(exported, "vae_encoder").run(None, {"sample": image})[0] for _ in range(2)]
    assert (found[0] == found[1]).all()
    assert np.abs(found[0][:, :4] - mean).max() < 1e-4


def test_the_timestep_of_a_float16_unet_stays_float32(exported_fp16: Path) -> None:
    unet = session(exported_fp16, "unet")
    assert {value.name: value.type for value in unet.get_inputs()} == {
        "sample": "tensor(float16)",
        "timestep": "tensor(float)",
        "encoder_hidden_states": "tensor(float16)",
    }
    inputs = unet_inputs(8, 8, 40, np.float16)
    results = [unet.run(None, inputs | {"timestep": np.array(t, np.float32)})[0] for t in (946.42, 946.5)]
    assert (results[0] != results[1]).any()


def test_the_autoencoder_of_a_float16_model_does_not_overflow(pipeline: Path, tmp_path: Path) -> None:
    weights = load_file(pipeline / "vae" / "diffusion_pytorch_model.safetensors")
    weights["decoder.conv_in.weight"] *= 1e5
    weights["decoder.conv_in.weight"] = weights["decoder.conv_in.weight"].clamp(-6e4, 6e4)
    save_file(weights, pipeline / "vae" / "diffusion_pytorch_model.safetensors")
    out = run_export(pipeline, tmp_path / "out", "--precision", "fp16")
    latents = np.random.default_rng(2).normal(size=(1, 4, 8, 8)).astype(np.float32) * 10
    [picture] = session(out, "vae_decoder").run(None, {"latent_sample": latents})
    assert np.isfinite(picture).all()


def test_stored_float16_weights_bear_torchs_names(pipelines: dict[str, Path], tmp_path: Path) -> None:
    out = run_export(pipelines["tiny_eps"], tmp_path / "out", "--store", "fp16")
    stored = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(out / "unet/model.onnx").graph.initializer
    }
    weights = load_file(pipelines["tiny_eps"] / "unet" / "diffusion_pytorch_model.safetensors")
    for name, value in weights.items():
        [found] = [name + suffix for suffix in ("", ".T", ".unsqueezed") if name + suffix in stored]
        array = stored[found].T if found.endswith(".T") else stored[found].reshape(value.shape)
        assert (array == value.numpy().astype(array.dtype)).all(), name
        assert value.numel() < graph.SMALLEST_STORED or array.dtype == np.float16, name
    assert (out / "unet/model.onnx").stat().st_size < 0.65 * sum(value.nbytes for value in weights.values())


def test_weights_that_equal_each_other_keep_their_own_names(pipeline: Path, tmp_path: Path) -> None:
    path = pipeline / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    norms = [name for name in weights if name.endswith("norm1.weight") and "attentions" in name]
    save_file(weights | {name: torch.ones_like(weights[name]) for name in norms}, path)
    out = run_export(pipeline, tmp_path / "out", "--verify")
    names = {tensor.name for tensor in onnx.load(out / "unet/model.onnx").graph.initializer}
    assert set(norms) <= names


def test_text_encoders_saved_by_transformers_5_give_the_same_graph(pipeline: Path, tmp_path: Path) -> None:
    before = run_export(pipeline, tmp_path / "before")
    weights = load_file(pipeline / TEXT_WEIGHTS)
    save_file({name.removeprefix("text_model."): value for name, value in weights.items()}, pipeline / TEXT_WEIGHTS)
    after = run_export(pipeline, tmp_path / "after", "--verify")
    assert (before / "text_encoder/model.onnx").read_bytes() == (after / "text_encoder/model.onnx").read_bytes()


def test_files_as_old_as_the_real_models_are_read(pipeline: Path, tmp_path: Path) -> None:
    """instruct-pix2pix was saved by diffusers 0.10: other names in the autoencoder, few keys in the configurations."""
    before = run_export(pipeline, tmp_path / "before")
    path = pipeline / "vae" / "diffusion_pytorch_model.safetensors"
    old_names = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
    weights = load_file(path)
    for new, old in old_names.items():
        weights = {name.replace(new, old): value for name, value in weights.items()}
    assert any(".proj_attn." in name for name in weights)
    save_file(weights | {"decoder.unused": torch.zeros(1)}, path)
    text = load_file(pipeline / TEXT_WEIGHTS)
    save_file(text | {"text_model.embeddings.position_ids": torch.arange(77)}, pipeline / TEXT_WEIGHTS)
    config = json.loads((pipeline / "vae" / "config.json").read_text())
    del config["scaling_factor"], config["force_upcast"], config["use_quant_conv"]
    (pipeline / "vae" / "config.json").write_text(json.dumps(config))
    after = run_export(pipeline, tmp_path / "after", "--verify")
    for component in ("text_encoder", "vae_encoder", "vae_decoder"):
        model = f"{component}/model.onnx"
        assert (before / model).read_bytes() == (after / model).read_bytes(), component
    assert json.loads((after / "vae_decoder" / "config.json").read_text())["scaling_factor"] == 0.18215


def test_data_of_large_graphs_lies_apart(
    pipelines: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "DATA_APART_ABOVE", 2**20)
    out = run_export(pipelines["tiny_eps"], tmp_path / "out", "--verify")
    assert (out / "unet/model.onnx_data").stat().st_size > 2**20
    assert (out / "unet/model.onnx_data").stat().st_mode == (out / "unet/model.onnx").stat().st_mode
    assert not (out / "vae_decoder/model.onnx_data").exists()
    moved = shutil.move(out, tmp_path / "moved")
    session(Path(moved), "unet")


def test_nothing_of_this_machine_is_in_the_folder(pipelines: dict[str, Path], exported: Path) -> None:
    for path in exported.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert str(pipelines["tiny_v"]).encode() not in content, path
            assert str(Path(__file__).parents[2]).encode() not in content, path


def test_exporting_twice_gives_the_same_bytes(pipelines: dict[str, Path], exported: Path, tmp_path: Path) -> None:
    again = run_export(pipelines["tiny_v"], tmp_path / "again")
    for path in exported.rglob("*"):
        assert path.is_dir() or path.read_bytes() == (again / path.relative_to(exported)).read_bytes(), path


@pytest.mark.parametrize("component", ["unet", "vae_encoder", "vae_decoder"])
def test_attention_is_one_operator_that_holds_no_scores(exported: Path, component: str) -> None:
    kinds = [node.op_type for node in onnx.load(exported / component / "model.onnx").graph.node]
    assert kinds.count("MultiHeadAttention") == {"unet": 22, "vae_encoder": 1, "vae_decoder": 1}[component]
    assert "Softmax" not in kinds


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_graphs_for_cuda_have_fused_attention(pipelines: dict[str, Path], tmp_path: Path, precision: str) -> None:
    run_export(pipelines["tiny_eps"], tmp_path / "out", "--precision", precision, "--optimize", "cuda")
    unet = onnx.load(tmp_path / "out-cuda/unet/model.onnx").graph
    kinds = [node.op_type for node in unet.node]
    assert kinds.count("MultiHeadAttention") == 8
    assert "Softmax" not in kinds
    assert "SkipGroupNorm" in kinds
    types = {value.name: value.type.tensor_type.elem_type for value in unet.input}
    wanted = TensorProto.FLOAT16 if precision == "fp16" else TensorProto.FLOAT
    assert types == {"sample": wanted, "timestep": TensorProto.FLOAT, "encoder_hidden_states": wanted}
    assert not narrowed_before_sine(unet)


def narrowed_before_sine(unet: onnx.GraphProto) -> bool:
    """Whether anything between the timestep and the sine of its embedding becomes float16."""
    makers = {output: node for node in unet.node for output in node.output}
    waiting = [name for node in unet.node if node.op_type == "Sin" for name in node.input]
    while waiting:
        maker = makers.get(waiting.pop())
        if maker is None:
            continue
        if maker.op_type == "Cast" and maker.attribute[0].i == TensorProto.FLOAT16:
            return True
        waiting.extend(maker.input)
    return False


def test_nothing_but_the_result_is_written(
    pipelines: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk has room for the export alone."""
    save, seen = graph.save, set()

    def watched(model: onnx.ModelProto, target: Path) -> int:
        seen.update(path.name for path in tmp_path.rglob("*") if path.is_file())
        return save(model, target)

    monkeypatch.setattr(graph, "save", watched)
    run_export(pipelines["tiny_eps"], tmp_path / "out")
    assert seen == {"model.onnx"}
