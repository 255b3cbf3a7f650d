"""Whatever stops an export says why and what to do, and leaves nothing behind."""

import errno
import json
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import export
import pytest
from failing import failure, made_with_a_wrong_weight
from ip2p_export import graph, layout, optimize
from safetensors.torch import load_file, save_file

SCRIPT = Path(export.__file__)
WEIGHTS = {
    "text_encoder": "text_encoder/model.safetensors",
    "unet": "unet/diffusion_pytorch_model.safetensors",
    "vae": "vae/diffusion_pytorch_model.safetensors",
}


def edit_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("part", list(WEIGHTS))
def test_weights_that_would_be_random_stop_the_export(
    pipeline: Path, tmp_path: Path, capsys: pytest.CaptureFixture, part: str
) -> None:
    weights = load_file(pipeline / WEIGHTS[part])
    name = sorted(weights)[len(weights) // 2]
    save_file({other: value for other, value in weights.items() if other != name}, pipeline / WEIGHTS[part])
    errors = failure(capsys, export.main, pipeline, "--out", tmp_path / "out")
    assert f"1 weights of {part} are not in" in errors and name in errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipeline"]


@pytest.mark.parametrize("part", list(WEIGHTS))
def test_truncated_weights_are_named(pipeline: Path, tmp_path: Path, capsys: pytest.CaptureFixture, part: str) -> None:
    path = pipeline / WEIGHTS[part]
    path.write_bytes(path.read_bytes()[:5000])
    assert f"{pipeline / part} cannot be loaded" in failure(capsys, export.main, pipeline, "--out", tmp_path / "out")


def test_weights_of_another_shape_are_named(pipeline: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    edit_json(pipeline / "text_encoder" / "config.json", intermediate_size=128)
    assert "text_encoder" in failure(capsys, export.main, pipeline, "--out", tmp_path / "out")


def test_other_kinds_of_unet_are_named(pipeline: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    edit_json(pipeline / "unet" / "config.json", in_channels=7)
    errors = failure(capsys, export.main, pipeline, "--out", tmp_path / "out")
    assert "the UNet has 7 input channels, not 4, 8, 9" in errors


def test_another_make_of_pipeline_is_named(pipeline: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    edit_json(pipeline / "model_index.json", text_encoder=["transformers", "T5EncoderModel"])
    assert "is T5EncoderModel, not CLIPTextModel" in failure(capsys, export.main, pipeline, "--out", tmp_path / "out")


@pytest.mark.parametrize("name", ["no/such/folder", "./missing", "just-a-name"])
def test_a_missing_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture, name: str) -> None:
    assert f"there is no folder {name}" in failure(capsys, export.main, name, "--out", tmp_path / "out")


def test_without_network_the_remedy_is_a_folder(tmp_path: Path) -> None:
    environment = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin"}
    arguments = [sys.executable, str(SCRIPT), "someone/some-model", "--out", str(tmp_path / "out")]
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1, done.stderr
    assert "error: cannot fetch someone/some-model" in done.stderr
    assert "hint: check the network" in done.stderr


def test_missing_packages_are_explained(tmp_path: Path) -> None:
    arguments = [sys.executable, "-S", str(SCRIPT), "someone/some-model", "--out", str(tmp_path / "out")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "error: No module named" in done.stderr and "uv run" in done.stderr


def test_the_pinned_packages_can_be_listed_without_any(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", str(SCRIPT), "--requirements"], capture_output=True, text=True, check=True
    )
    lines = done.stdout.split()
    assert "diffusers==0.39.0" in lines and all("==" in line for line in lines)


@pytest.mark.parametrize("name", ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json"])
def test_missing_and_broken_configurations_are_named(
    pipeline: Path, tmp_path: Path, capsys: pytest.CaptureFixture, name: str
) -> None:
    (pipeline / name).write_text("{")
    assert f"{pipeline / name} cannot be read" in failure(capsys, export.main, pipeline, "--out", tmp_path / "out")
    (pipeline / name).unlink()
    assert f"{pipeline / name} is missing" in failure(capsys, export.main, pipeline, "--out", tmp_path / "out")


def test_a_tokenizer_without_files_is_named(pipeline: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (pipeline / "tokenizer" / "merges.txt").unlink()
    assert "has neither tokenizer.json nor" in failure(capsys, export.main, pipeline, "--out", tmp_path / "out")


def test_parts_without_safetensors_are_named(pipeline: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (pipeline / WEIGHTS["vae"]).unlink()
    assert "vae has no weights" in failure(capsys, export.main, pipeline, "--out", tmp_path / "out")


def test_a_full_disk_is_told_before_the_work(
    pipeline: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(layout.shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1000))
    assert "the export needs about" in failure(capsys, export.main, pipeline, "--out", tmp_path / "out")


def test_a_disk_that_fills_on_the_way_leaves_nothing(
    pipeline: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(graph, "save", full)
    assert "No space left on device" in failure(capsys, export.main, pipeline, "--out", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipeline"]


def test_an_existing_folder_is_kept_unless_asked(pipeline: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("mine")
    assert "exists already" in failure(capsys, export.main, pipeline, "--out", out)
    assert (out / "mine").read_text() == "mine"
    shutil.rmtree(pipeline / "unet")
    failure(capsys, export.main, pipeline, "--out", out, "--overwrite")
    assert (out / "mine").read_text() == "mine", "a failed export must not touch what was there"


def test_verification_notices_one_wrong_weight(
    pipeline: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_with_a_wrong_weight(monkeypatch, "conv_out.bias")
    errors = failure(capsys, export.main, pipeline, "--out", tmp_path / "out", "--verify")
    assert "differs from torch by more than its limits in: unet" in errors
    assert not (tmp_path / "out").exists()


def test_fusions_that_fail_say_what_works(
    pipeline: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_numpy_2_5(*_: object, **__: object) -> None:
        raise TypeError("only 0-dimensional arrays can be converted to Python scalars")

    monkeypatch.setattr(optimize, "optimize_model", with_numpy_2_5)
    errors = failure(capsys, export.main, pipeline, "--out", tmp_path / "out", "--optimize", "cuda")
    assert "failed to fuse the text_encoder: only 0-dimensional arrays" in errors
    assert "--requirements" in errors and "without --optimize" in errors
    assert not (tmp_path / "out-cuda").exists()
