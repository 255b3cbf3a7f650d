"""What can be exported: hub names, folders and single files, models of each kind, LoRAs fused into them."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import export
import ldm
import onnx
import pytest
import torch
from failing import failure
from ip2p_export import verify
from ip2p_export.lora import Lora, split_scale
from ip2p_export.pipeline import Options
from ip2p_export.source import Folder
from onnx import numpy_helper
from safetensors.torch import save_file

COMPONENTS = ["text_encoder", "unet", "vae_encoder", "vae_decoder"]
Made = dict[tuple[int, int], tuple[Path, dict[str, torch.Tensor]]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Folder and original names of small models, by UNet channels and family. Not to be written to."""
    found = {}
    for channels, family in [(8, 1), (4, 1), (9, 1), (4, 2), (8, 2)]:
        place = tmp_path_factory.mktemp(f"sd{family}-{channels}")
        pipeline = ldm.build(place / "vocabulary", channels=channels, family=family)
        found[channels, family] = (
            ldm.save_folder(pipeline, place / "folder", channels),
            ldm.checkpoint(pipeline, family),
        )
    return found


def run_export(model: Path, out: Path, *options: str) -> Path:
    assert export.main([str(model), "--out", str(out), *options]) == 0
    return out


def assert_same_model(one: Path, other: Path) -> None:
    """The same graphs with the same weights, and the same padding."""
    for component in COMPONENTS:
        first, second = ((folder / component / "model.onnx").read_bytes() for folder in (one, other))
        assert first == second, component
    padding = [
        json.loads((folder / "tokenizer/special_tokens_map.json").read_text())["pad_token"] for folder in (one, other)
    ]
    words = [pad["content"] if isinstance(pad, dict) else pad for pad in padding]
    assert words[0] == words[1]


# --- single files --------------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "family"), [(8, 1), (8, 2), (9, 1), (4, 2)])
@pytest.mark.parametrize("ending", [".safetensors", ".ckpt"])
def test_a_single_file_gives_the_model_of_the_folder(
    made: Made, tmp_path: Path, channels: int, family: int, ending: str
) -> None:
    folder, tensors = made[channels, family]
    path = tmp_path / f"model{ending}"
    if ending == ".ckpt":
        torch.save({"state_dict": tensors, "global_step": 22000}, path)
    else:
        save_file(tensors, path)
    more = ["--prediction", "epsilon"] if (channels, family) == (4, 2) else []
    single = run_export(path, tmp_path / "single", "--tokenizer", str(folder), *more)
    assert_same_model(single, run_export(folder, tmp_path / "folder"))
    index = json.loads((single / "model_index.json").read_text())
    assert index["_class_name"] == ldm.CLASSES[channels]


def test_a_pickle_runs_nothing(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """What trainers leave beside the weights is passed over; what would be executed is refused."""
    folder, tensors = made[8, 1]
    path, trace = tmp_path / "model.ckpt", tmp_path / "trace"

    class Harmful:
        def __reduce__(self) -> tuple:
            return os.system, (f"touch {trace}",)

    arguments = [path, "--out", tmp_path / "out", "--tokenizer", folder]
    torch.save({"state_dict": tensors, "callbacks": {"best": Path("x")}, "evil": Harmful()}, path)
    assert "asks for code beside its weights" in failure(capsys, export.main, *arguments)
    assert not trace.exists()
    torch.save({"state_dict": tensors, "callbacks": {Path: {"best": Path("x")}}}, path)
    run_export(*arguments[:1], tmp_path / "out", "--tokenizer", str(folder))


def test_averaged_weights_are_taken_on_request(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder, tensors = made[8, 1]
    start = "model.diffusion_model."
    averages = {
        "model_ema." + name.removeprefix("model.").replace(".", ""): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }
    worse = {name: tensor + 1 if name.startswith(start) else tensor for name, tensor in tensors.items()}
    save_file(worse | averages, tmp_path / "both.safetensors")
    out = run_export(tmp_path / "both.safetensors", tmp_path / "averaged", "--ema", "--tokenizer", str(folder))
    assert_same_model(out, run_export(folder, tmp_path / "folder"))
    save_file(tensors, tmp_path / "own.safetensors")
    arguments = [tmp_path / "own.safetensors", "--out", tmp_path / "none", "--ema", "--tokenizer", folder]
    assert "has no averaged weights" in failure(capsys, export.main, *arguments)


def test_what_a_stable_diffusion_2_predicts_is_not_guessed(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder, tensors = made[4, 2]
    path = tmp_path / "sd2.safetensors"
    save_file(tensors, path)
    arguments = [path, "--out", tmp_path / "out", "--tokenizer", folder]
    assert "nothing in it tells what it predicts" in failure(capsys, export.main, *arguments)
    path.with_suffix(".yaml").write_text('model:\n  params:\n    parameterization: "v"\n')
    out = run_export(path, tmp_path / "out", "--tokenizer", str(folder))
    scheduler = json.loads((out / "scheduler/scheduler_config.json").read_text())
    assert scheduler["prediction_type"] == "v_prediction"
    assert json.loads((out / "unet/config.json").read_text())["sample_size"] == 96


def test_files_that_are_no_whole_pipeline_are_named(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder, tensors = made[8, 1]
    path = tmp_path / "part.safetensors"
    arguments = [path, "--out", tmp_path / "out", "--tokenizer", folder]
    save_file({name: t for name, t in tensors.items() if not name.startswith("first_stage_model.")}, path)
    assert "has no autoencoder inside" in failure(capsys, export.main, *arguments)
    save_file(tensors | {"conditioner.embedders.0.x": torch.zeros(1)}, path)
    assert "is a Stable Diffusion XL checkpoint" in failure(capsys, export.main, *arguments)
    save_file(tensors | {"model.diffusion_model.time_embedding.cond_proj.weight": torch.zeros(1)}, path)
    assert "takes more than latents, a timestep and text" in failure(capsys, export.main, *arguments)
    path.write_bytes(b"weights")
    assert "part.safetensors cannot be read" in failure(capsys, export.main, *arguments)
    (tmp_path / "part.ckpt").write_bytes(b"weights")
    assert "cannot be read" in failure(capsys, export.main, tmp_path / "part.ckpt", *arguments[1:])
    assert "there is no file" in failure(capsys, export.main, tmp_path / "none.ckpt", *arguments[1:])


# --- kinds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "family"), [(4, 1), (9, 1), (4, 2)])
def test_text_to_image_and_inpainting_models_pass_their_verification(
    made: Made, tmp_path: Path, channels: int, family: int
) -> None:
    out = run_export(made[channels, family][0], tmp_path / "out", "--verify")
    unet = onnx.load(out / "unet/model.onnx").graph
    [sample] = [value for value in unet.input if value.name == "sample"]
    assert sample.type.tensor_type.shape.dim[1].dim_value == channels


def test_consistency_models_with_guidance_inside_are_named(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder = ldm.save_folder(ldm.build(tmp_path / "vocabulary", channels=4, family=1), tmp_path / "lcm", 4)
    config = folder / "unet/config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"time_cond_proj_dim": 256}))
    errors = failure(capsys, export.main, folder, "--out", tmp_path / "out")
    assert "the UNet takes timestep_cond" in errors and "LCM LoRA" in errors


# --- LoRAs ---------------------------------------------------------------------------------------

MODULES = {
    "unet": ["down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", "mid_block.attentions.0.proj_in"],
    "text_encoder": [f"text_model.encoder.layers.1.self_attn.{name}_proj" for name in ("v", "out")],
}
RANK = 4


def factors(folder: Path) -> dict[tuple[str, str], tuple[torch.Tensor, torch.Tensor]]:
    """Random factors for some modules of a model."""
    generator = torch.Generator("cpu").manual_seed(5)
    found = {}
    for part, names in MODULES.items():
        model = Folder(folder, []).load(part)
        for name in names:
            out, inner, *kernel = model.get_submodule(name).weight.shape
            shapes = [(RANK, inner, *kernel), (out, RANK, *(1 for _ in kernel))]
            found[part, name] = tuple(torch.randn(shape, generator=generator) * 0.3 for shape in shapes)
    return found


def kohya(folder: Path) -> dict[str, torch.Tensor]:
    tensors = {}
    for (part, name), (down, up) in factors(folder).items():
        start = {"unet": "lora_unet_", "text_encoder": "lora_te_"}[part] + name.replace(".", "_")
        tensors |= {
            f"{start}.lora_down.weight": down,
            f"{start}.lora_up.weight": up,
            f"{start}.alpha": torch.tensor(2.0),
        }
    return tensors


def peft(folder: Path) -> dict[str, torch.Tensor]:
    pairs = factors(folder).items()
    return {
        f"{part}.{name}.lora_{letter}.weight": tensor
        for (part, name), (down, up) in pairs
        for letter, tensor in (("A", down), ("B", up))
    }


class FusedByDiffusers(Folder):
    """The same pipeline with LoRAs that diffusers has fused."""

    def __init__(self, path: Path, files: list[tuple[Path, float]]):
        super().__init__(path, [])
        from diffusers import StableDiffusionPipeline

        pipeline = StableDiffusionPipeline.from_pretrained(path, safety_checker=None)
        names = [file.stem for file, _ in files]
        for file, _ in files:
            pipeline.load_lora_weights(str(file.parent), weight_name=file.name, adapter_name=file.stem)
        pipeline.set_adapters(names, [scale for _, scale in files])
        pipeline.fuse_lora(components=["unet", "text_encoder"], adapter_names=names)
        pipeline.unload_lora_weights()
        self.parts = {"unet": pipeline.unet, "text_encoder": pipeline.text_encoder, "vae": pipeline.vae}

    def load(self, part: str) -> torch.nn.Module:
        return self.parts[part].eval()


def test_loras_give_the_pictures_that_diffusers_gives_with_them(made: Made, tmp_path: Path) -> None:
    folder = made[4, 1][0]
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    save_file(kohya(folder), first)
    save_file(peft(folder), second)
    out = run_export(folder, tmp_path / "out", "--lora", f"{first}:0.7", "--lora", str(second))
    reference = FusedByDiffusers(folder, [(first, 0.7), (second, 1.0)])
    given = verify.setting(reference)
    expected, plain = verify.run_torch(reference, given), verify.run_torch(Folder(folder, []), given)
    found = verify.run_onnx(out, given, expected)
    assert verify.final_picture(found, expected, out, given) <= 1
    assert verify.final_picture(found, plain, out, given) > 20, "the LoRAs change nothing, so that nothing was compared"


def test_diffusers_older_names_and_the_alpha_of_peft_are_read(made: Made, tmp_path: Path) -> None:
    folder = made[4, 1][0]
    name = MODULES["unet"][0]
    down, up = factors(folder)["unet", name]
    old = name.replace("attn1.to_q", "attn1.processor.to_q_lora")
    save_file({f"unet.{old}.down.weight": down, f"unet.{old}.up.weight": up}, tmp_path / "old.safetensors")
    header = {"lora_adapter_metadata": json.dumps({"unet.lora_alpha": 2, "unet.r": RANK})}
    half = {f"unet.{name}.lora_A.weight": down, f"unet.{name}.lora_B.weight": up}
    save_file(half, tmp_path / "peft.safetensors", metadata=header)
    for file, strength in [("old", 1.0), ("peft", 0.5)]:
        fused = Folder(folder, [Lora.read(str(tmp_path / f"{file}.safetensors"))]).load("unet").get_submodule(name)
        plain = Folder(folder, []).load("unet").get_submodule(name)
        assert torch.allclose(fused.weight, plain.weight + strength * up @ down, atol=1e-6)


def test_the_scale_of_a_lora_is_behind_the_last_colon() -> None:
    assert split_scale("a.safetensors:0.8") == (Path("a.safetensors"), 0.8)
    assert split_scale("a.safetensors") == (Path("a.safetensors"), 1.0)
    assert split_scale("C:/a.safetensors") == (Path("C:/a.safetensors"), 1.0)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lora_unet_mid_block_attentions_0_proj_in.hada_w1_a", "which is no LoRA of"),
        ("lora_te2_text_model.lora_down.weight", "which is no LoRA of"),
        ("unet.mid_block.attentions.0.proj_in.lora_A.weight", "holds half a LoRA of"),
    ],
)
def test_what_would_not_be_fused_stops_the_export(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture, name: str, said: str
) -> None:
    save_file({name: torch.zeros(4, 4)}, tmp_path / "lora.safetensors")
    arguments = ["--out", tmp_path / "out", "--lora", tmp_path / "lora.safetensors"]
    assert said in failure(capsys, export.main, made[4, 1][0], *arguments)


def test_a_lora_of_another_family_is_named(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "lora.safetensors"
    arguments = [made[4, 1][0], "--out", tmp_path / "out", "--lora", file]
    save_file({f"unet.nowhere.lora_{x}.weight": torch.zeros(4, 4) for x in "AB"}, file)
    assert "changes nowhere, which the unet of this model does not have" in failure(capsys, export.main, *arguments)
    save_file({f"unet.conv_in.lora_{x}.weight": torch.zeros(4, 4) for x in "AB"}, file)
    assert "and the model's weight is (64, 4, 3, 3)" in failure(capsys, export.main, *arguments)


# --- the hub -------------------------------------------------------------------------------------


class Hub(BaseHTTPRequestHandler):
    """As much of a hub as it takes to fetch a model; `folder` is what it has, `asked` what was fetched."""

    folder: Path
    asked: list[str]

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/api/models/someone/model"):
            files = [str(file.relative_to(self.folder)) for file in self.folder.rglob("*") if file.is_file()]
            siblings = [{"rfilename": name} for name in files]
            return self.answer(json.dumps({"id": "someone/model", "sha": "a" * 40, "siblings": siblings}).encode())
        start = f"/someone/model/resolve/{'a' * 40}/"
        file = self.folder / path.removeprefix(start)
        if not path.startswith(start) or not file.is_file():
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if self.command == "GET":
            self.asked.append(path.removeprefix(start))
        return self.answer(file.read_bytes())

    def answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{len(content)}-{hash(content)}"')
        self.send_header("X-Repo-Commit", "a" * 40)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


@pytest.fixture
def hub(made: Made) -> Iterator[tuple[str, list[str]]]:
    """A hub on this machine with one model, and the files that were fetched of it."""
    handler = type("OneModel", (Hub,), {"folder": made[8, 1][0], "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", handler.asked
    server.shutdown()


def test_a_model_of_the_hub_is_fetched_once_and_no_more_than_is_needed(
    made: Made, hub: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, asked = hub
    folder = made[8, 1][0]
    extra = folder / "unet/diffusion_pytorch_model.fp16.safetensors"
    extra.write_bytes(b"another precision")
    environment = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin"}
    for number in (1, 2):
        arguments = [sys.executable, export.__file__, "someone/model", "--out", str(tmp_path / f"out{number}")]
        done = subprocess.run(arguments, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
    extra.unlink()
    weights = [name for name in asked if name.endswith("safetensors")]
    assert sorted(weights) == [
        "text_encoder/model.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    ]
    assert_same_model(tmp_path / "out1", run_export(folder, tmp_path / "folder"))


def test_models_that_the_hub_does_not_have_are_named(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    environment = {"HF_ENDPOINT": hub[0], "HF_HOME": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin"}
    arguments = [sys.executable, export.__file__, "someone/else", "--out", str(tmp_path / "out")]
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1 and "the hub has no model someone/else" in done.stderr, done.stderr


@pytest.mark.parametrize("name", ["diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.bin"])
def test_weights_in_half_precision_and_pickled_ones_are_read(made: Made, tmp_path: Path, name: str) -> None:
    folder = ldm.save_folder(ldm.build(tmp_path / "vocabulary", channels=8, family=1), tmp_path / "folder", 8)
    before = run_export(folder, tmp_path / "before")
    weights = Folder(folder, []).load("unet").state_dict()
    (folder / "unet/diffusion_pytorch_model.safetensors").unlink()
    if name.endswith(".bin"):
        torch.save(weights, folder / "unet" / name)
    else:
        save_file({key: value.half() for key, value in weights.items()}, folder / "unet" / name)
    after = run_export(folder, tmp_path / "after")
    read = [
        {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(out / "unet/model.onnx").graph.initializer}
        for out in (before, after)
    ]
    assert read[0].keys() == read[1].keys()
    for key, value in read[0].items():
        assert abs(value - read[1][key]).max() < (1e-9 if name.endswith(".bin") else 2e-3), key


def test_options_for_single_files_are_refused_for_folders(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    errors = failure(capsys, export.main, made[8, 1][0], "--out", tmp_path / "out", "--prediction", "epsilon")
    assert "--prediction is for single-file checkpoints" in errors


def test_every_option_is_one_of_the_command_line() -> None:
    arguments = vars(export.parse(["model", "--out", "out"]))
    known = set(Options.__dataclass_fields__) | {"requirements", "check_requirements"}
    assert set(arguments) == known
