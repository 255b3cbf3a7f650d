"""The evaluation samples as diffusers does; the committed model answers to both scales as its card says."""

import csv
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, script

from evaluate import IMAGE_SCALES, SHOWN_SCALES, TEXT_SCALES, Editor, difference, make_case, stacks, write_scales
from exported import ExportedUnet

DEMO = ROOT / "onnx" / "demo"


@pytest.mark.parametrize("options", [(), ("--onnx", DEMO)], ids=["torch", "onnx"])
def test_the_batched_sampler_gives_the_pictures_of_diffusers(work: Path, options: tuple) -> None:
    folder = tempfile.mkdtemp(dir=work)
    assert "at most" in script("evaluate.py", work / "pipeline", "--out", folder, "--parts", "proof", *options)


def test_a_folder_without_an_exported_unet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="hint: give a folder written by export.py"):
        ExportedUnet(tmp_path, threads=1)


def test_the_demo_model_goes_from_barely_edited_to_destroyed(work: Path) -> None:
    editor = Editor(work / "pipeline", "cpu")
    editor.unet = ExportedUnet(DEMO, threads=2)
    cases = [make_case(index) for index in range(10)]
    before, after = stacks(cases)
    outputs = [editor.edit(cases, *scales, steps=8) for scales in SHOWN_SCALES]
    change, error = ([difference(pictures, others) for pictures in outputs] for others in (before, after))
    assert all(less < more for less, more in pairwise(change)), "more text and less image change more"
    barely, _, edited, _, destroyed = error
    assert change[0] < 0.4 * change[2] and barely > 0.7 * difference(before, after), "the input is left nearly as it is"
    assert edited < 0.3 * difference(before, after) and destroyed > 3 * edited, "the true edit is lost again"


class Mover:
    """An editor that moves every picture towards its true edit: the farther by the scales, or the less far."""

    def __init__(self, obeys: bool):
        self.sign = 1 if obeys else -1

    def edit(self, cases, text_scale: float, image_scale: float, steps: int) -> np.ndarray:
        before, after = (stack.astype(float) for stack in stacks(cases))
        reached = 0.5 + self.sign * (text_scale - image_scale) / 40
        return np.rint(before + reached * (after - before)).astype(np.uint8)


@pytest.mark.parametrize("obeys", [True, False])
def test_the_scales_figures_hold_the_grid_and_what_is_shown_and_say_how_it_runs(tmp_path: Path, capsys, obeys) -> None:
    write_scales(Mover(obeys), [make_case(index) for index in range(2)], 8, tmp_path)
    with open(tmp_path / "scales.csv") as file:
        rows = list(csv.DictReader(file))
    points = {(float(row["guidance_scale"]), float(row["image_guidance_scale"])) for row in rows}
    assert points == {(text, image) for text in TEXT_SCALES for image in IMAGE_SCALES} | set(SHOWN_SCALES)
    assert len(rows) == len(points)
    assert capsys.readouterr().out.count(f"everywhere: {obeys}") == 2
    assert (tmp_path / "scales.png").stat().st_size and (tmp_path / "extremes.jpg").stat().st_size
