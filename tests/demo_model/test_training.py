"""The trainings begin, end, go on after an interruption, and give what diffusers' pipeline runs."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import script
from diffusers import DDIMScheduler

from guiding import IMAGE_SCALES, TEXT_SCALES, guiding_error, predict_guided, reach
from models import SCHEDULE, new_text_encoder, new_unet
from train_editor import Batch
from training import Average, Clock, Muon, orthogonal, save_atomically


def test_an_interrupted_training_goes_on_from_its_checkpoint(work: Path, tmp_path: Path) -> None:
    work = shutil.copytree(work, tmp_path / "work")  # other tests take the committed weights from there
    before = torch.load(work / "editor.pt")["average"]
    script("train_editor.py", "--work", work, "--resume", work / "editor.pt", "--steps", 2, "--batch", 2)
    after = torch.load(work / "editor.pt")["average"]
    assert before.keys() == after.keys()
    moved = [
        name for name, value in before.items() if value.is_floating_point() and not torch.equal(value, after[name])
    ]
    assert len(moved) > len(before) / 2
    with open(work / "editor.csv") as file:
        [row] = csv.DictReader(file)
    assert row["step"] == "2" and float(row["loss"]) < 1, "a trained model starts with a small loss"
    assert 0 < float(row["guiding"]) < 5, "guidance of a trained model is not far off"


class Copier(torch.nn.Module):
    """A UNet that knows the true picture, and with an instruction is wrong by `error` times the noise level."""

    def __init__(self, picture: torch.Tensor, alphas: torch.Tensor, error: float):
        super().__init__()
        self.picture, self.alphas, self.error = picture, alphas, error

    def forward(self, inputs, times, text, return_dict):
        alpha = self.alphas[times].view(-1, 1, 1, 1)
        velocity = (alpha.sqrt() * inputs[:, :4] - self.picture.repeat(3, 1, 1, 1)) / (1 - alpha).sqrt()
        return (velocity + self.error * (text.mean((1, 2)) > 0).view(-1, 1, 1, 1),)


@pytest.fixture
def guided_error():
    """The error of guidance of a `Copier`, for an edit from `source` that is said to make a squared change."""
    torch.manual_seed(0)
    picture = torch.randn(4, 4, 8, 8)
    alphas = DDIMScheduler(**SCHEDULE).alphas_cumprod

    def measure(error: float, change: float = 0.0, is_local: bool = False, source: torch.Tensor = picture) -> float:
        batch = Batch(source=source / 2, target=picture, tokens=torch.ones(4, 3, dtype=torch.long))
        networks = {"unet": Copier(picture, alphas, error), "text": lambda tokens: (tokens[..., None].float(),)}
        rng = np.random.default_rng(0)
        result = predict_guided(networks, alphas, batch, 2.0, torch.zeros(1, 3, dtype=torch.long), rng)
        return guiding_error(result, torch.full((4, 1, 8, 8), change), torch.tensor([is_local] * 4)).item()

    return measure


def test_guidance_has_no_error_when_nothing_is_edited_and_all_predictions_are_right(guided_error) -> None:
    assert guided_error(0.0) < 1e-6


def test_guidance_counts_a_small_error_as_it_multiplies_it(guided_error) -> None:
    assert guided_error(0.2) > 2 * 0.2**2


def test_guidance_counts_untouched_places_most(guided_error) -> None:
    assert 0.25 * guided_error(0.2) < guided_error(0.2, change=5.0) < 0.3 * guided_error(0.2)


def test_guidance_counts_all_places_of_a_local_edit_alike(guided_error) -> None:
    assert guided_error(0.2, change=5.0, is_local=True) == pytest.approx(guided_error(0.2))


def test_guidance_that_always_leads_to_the_true_edit_is_wrong(guided_error) -> None:
    assert guided_error(0.0, source=torch.zeros(4, 4, 8, 8)) > 1e-4


def test_scales_lead_to_the_true_edit_as_usual_and_farther_or_less_far_otherwise() -> None:
    assert reach(np.array(5.0), 1.5) == 1
    texts, images = np.geomspace(*TEXT_SCALES, 9), np.geomspace(*IMAGE_SCALES, 9)
    assert np.all(np.diff(reach(texts, 1.5)) > 0) and np.all(np.diff(reach(5.0, images)) < 0)
    assert 1.75 < reach(texts[-1], IMAGE_SCALES[0]) < 2, "the edit is overdone at one end"
    assert reach(texts[0], IMAGE_SCALES[1]) == 0, "and at the other it is not begun, nor its opposite"


def test_a_training_without_an_end_says_so() -> None:
    with pytest.raises(SystemExit, match="hint: use --minutes or --steps"):
        Clock(None, None)


def test_the_learning_rate_warms_up_and_ends_at_zero() -> None:
    clock = Clock(None, 100)
    shares = []
    for clock.step in range(101):
        shares.append(clock.learning_share(clock.progress(), warmup_steps=10))
    assert shares[0] < shares[9] and max(shares) > 0.9
    assert np.all(np.diff(shares[10:]) < 0) and shares[-1] == pytest.approx(0)


def test_orthogonal_updates_have_singular_values_near_one() -> None:
    torch.manual_seed(0)
    for shape in ((32, 64), (64, 32), (16, 16)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(shape), steps=5).float())
        assert values.max() < 1.3 and values.median() > 0.6


def test_muon_lowers_the_loss_of_a_small_regression() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.SiLU(), torch.nn.Linear(32, 4))
    inputs, targets = torch.randn(64, 8), torch.randn(64, 4)
    optimizer, losses = Muon(net, lr=0.02, adam_lr=0.002), []
    for _ in range(150):
        loss = (net(inputs) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_the_average_lags_behind_and_swapping_twice_changes_nothing() -> None:
    net = torch.nn.Linear(2, 2, bias=False)
    average = Average(net, decay=0.9)
    start = net.weight.detach().clone()
    with torch.no_grad():
        net.weight += 1
    average.update()
    moved = net.weight.detach().clone()
    average.swap()
    assert torch.all(net.weight > start) and torch.all(net.weight < moved)
    average.swap()
    assert torch.equal(net.weight, moved)


def test_a_failed_save_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "editor.pt"
    save_atomically({"step": 1}, path)
    with pytest.raises(Exception, match="pickle|lambda"):
        save_atomically({"step": lambda: 2}, path)
    assert torch.load(path) == {"step": 1}


def test_the_networks_are_small_enough_for_the_repository() -> None:
    from tokenizer import new_tokenizer

    count = sum(
        parameter.numel() for net in (new_unet(), new_text_encoder(new_tokenizer())) for parameter in net.parameters()
    )
    assert count < 4.5e6
