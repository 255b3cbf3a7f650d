"""The export of CLIP models: what the graphs compute, what is in the folder, and what stops it."""

import json
import subprocess
import sys
from pathlib import Path

import export_clip
import numpy as np
import onnxruntime
import pytest
import torch
from clip_recipe import CONTEXT, PREPROCESSING, SIDE, build_clip
from failing import failure, made_with_a_wrong_weight
from safetensors.torch import load_file, save_file
from transformers import CLIPModel

SCRIPT = Path(export_clip.__file__)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """The small model in a folder that may be damaged."""
    build_clip(tmp_path / "clip")
    return tmp_path / "clip"


def run_export(clip: Path, *options: str) -> Path:
    out = clip.with_name("out")
    assert export_clip.main([str(clip), "--out", str(out), *options]) == 0
    return out


def session(folder: Path, encoder: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(folder / encoder / "model.onnx", providers=["CPUExecutionProvider"])


def test_both_encoders_give_the_projected_embeddings(clip: Path) -> None:
    out = run_export(clip, "--verify")
    model = CLIPModel.from_pretrained(clip).eval()
    end = model.config.text_config.eos_token_id
    ids = np.full((1, CONTEXT), end)
    ids[0, :4] = [end - 1, 7, 300, end]
    pixels = np.random.default_rng(1).normal(size=(1, 3, SIDE, SIDE)).astype(np.float32)
    with torch.no_grad():
        expected = {
            "text_embeds": model.get_text_features(torch.from_numpy(ids)).numpy(),
            "image_embeds": model.get_image_features(torch.from_numpy(pixels)).numpy(),
        }
    found = {
        "text_embeds": session(out, "text_encoder").run(["text_embeds"], {"input_ids": ids})[0],
        "image_embeds": session(out, "image_encoder").run(["image_embeds"], {"pixel_values": pixels})[0],
    }
    for name, embedding in expected.items():
        assert embedding.shape == (1, model.config.projection_dim)
        assert np.abs(found[name] - embedding).max() < 1e-5, name


def test_the_text_is_read_at_its_end_mark_whatever_follows(clip: Path) -> None:
    encoder = session(run_export(clip), "text_encoder")
    end = CLIPModel.from_pretrained(clip).config.text_config.eos_token_id
    ids = np.full((1, CONTEXT), end)
    ids[0, :3] = [end - 1, 7, end]
    [padded] = encoder.run(None, {"input_ids": ids})
    ids[0, 3:] = 9
    [followed] = encoder.run(None, {"input_ids": ids})
    assert np.abs(padded - followed).max() < 1e-6


def test_the_folder_holds_what_measuring_needs(clip: Path) -> None:
    out = run_export(clip)
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    encoders = {
        f"{name}/{file}" for name in ("text_encoder", "image_encoder") for file in ("model.onnx", "config.json")
    }
    assert files >= encoders | {"preprocessor_config.json", "tokenizer/vocab.json", "tokenizer/merges.txt"}
    written = json.loads((out / "preprocessor_config.json").read_text())
    assert written.items() >= PREPROCESSING.items()
    assert json.loads((out / "text_encoder/config.json").read_text())["max_position_embeddings"] == CONTEXT
    for path in out.rglob("*"):
        assert path.is_dir() or str(clip).encode() not in path.read_bytes(), path


def test_sizes_written_as_numbers_are_written_out(clip: Path) -> None:
    """The preprocessing of openai/clip-vit-base-patch32 is older than sizes by name."""
    path = clip / "preprocessor_config.json"
    path.write_text(json.dumps({"size": 36, "crop_size": SIDE, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}))
    written = json.loads((run_export(clip) / "preprocessor_config.json").read_text())
    assert written["size"] == {"shortest_edge": 36}
    assert written["crop_size"] == {"height": SIDE, "width": SIDE}
    assert (written["resample"], written["do_center_crop"]) == (3, True)


def test_models_with_the_old_end_mark_are_read_at_the_largest_id(clip: Path) -> None:
    """As openai/clip-vit-large-patch14 has it."""
    config = json.loads((clip / "config.json").read_text())
    config["text_config"]["eos_token_id"] = 2
    (clip / "config.json").write_text(json.dumps(config))
    run_export(clip, "--verify")


def test_another_kind_of_model_is_named(clip: Path, capsys: pytest.CaptureFixture) -> None:
    (clip / "config.json").write_text(json.dumps({"model_type": "siglip", "vision_config": {}}))
    assert "is a siglip, not a whole CLIP" in failure(capsys, export_clip.main, clip, "--out", clip.with_name("out"))
    (clip / "config.json").write_text(json.dumps({"model_type": "clip_text_model"}))
    assert "is a clip_text_model, not a whole CLIP" in failure(
        capsys, export_clip.main, clip, "--out", clip.with_name("out")
    )


def test_weights_that_would_be_random_stop_the_export(clip: Path, capsys: pytest.CaptureFixture) -> None:
    weights = load_file(clip / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, clip / "model.safetensors", metadata={"format": "pt"})
    errors = failure(capsys, export_clip.main, clip, "--out", clip.with_name("out"))
    assert "1 weights of the model are not in" in errors and "visual_projection.weight" in errors
    assert not clip.with_name("out").exists()


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "merges.txt", "model.safetensors"])
def test_missing_files_are_named(clip: Path, capsys: pytest.CaptureFixture, name: str) -> None:
    for path in [clip / name, *([clip / "tokenizer.json"] if name == "merges.txt" else [])]:
        path.unlink(missing_ok=True)
    errors = failure(capsys, export_clip.main, clip, "--out", clip.with_name("out"))
    assert str(clip) in errors
    assert not clip.with_name("out").exists()


def test_verification_notices_one_wrong_weight(
    clip: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_with_a_wrong_weight(monkeypatch, "vision_model.post_layernorm.bias")
    errors = failure(capsys, export_clip.main, clip, "--out", clip.with_name("out"), "--verify")
    assert "differs from torch by more than its limit in: image_encoder" in errors
    assert not clip.with_name("out").exists()


def test_the_pinned_packages_can_be_listed_without_any() -> None:
    listed = [
        subprocess.run([sys.executable, "-S", str(path), "--requirements"], capture_output=True, text=True, check=True)
        for path in (SCRIPT, SCRIPT.with_name("export.py"))
    ]
    clip, pipeline = (set(done.stdout.split()) for done in listed)
    assert all("==" in line for line in clip)
    assert clip - pipeline == {"pillow==13.0.0"}, "one environment is to serve both scripts"
