"""What the demo model learns from: scenes, edits and their wordings."""

import hashlib

import numpy as np
import pytest

from drawing import Style, render
from edits import PAIRS, SINGLES, TASKS, Edit
from evaluate import CASES, LOCAL_BARS, changed, make_case
from scenes import SIZE, WALLS, sample_scene

SEEDS = range(3_000_000, 3_000_012)


def digest(picture: np.ndarray) -> str:
    return hashlib.sha256(picture.tobytes()).hexdigest()


def test_a_scene_is_drawn_the_same_every_time() -> None:
    for seed in SEEDS:
        first, second = (render(sample_scene(seed)) for _ in range(2))
        assert first.shape == (SIZE, SIZE, 3) and first.dtype == np.uint8
        assert digest(first) == digest(second)


def test_scenes_differ_by_their_seed() -> None:
    assert len({digest(render(sample_scene(seed))) for seed in SEEDS}) == len(SEEDS)


def test_edges_are_antialiased() -> None:
    """A drawing without antialiasing has few colours beside those of its shapes."""
    for seed in SEEDS:
        colours = np.unique(render(sample_scene(seed)).reshape(-1, 3), axis=0)
        assert len(colours) > 1000


def test_there_are_fourteen_edits_eight_colours_and_pairs_of_them() -> None:
    colours = [edit for edit in SINGLES if edit.changes.keys() == {"wall"}]
    assert len(colours) == len(WALLS) == 8
    assert len(SINGLES) - len(colours) == 14
    assert len(PAIRS) >= 40
    assert len({task.name for task in TASKS}) == len(TASKS)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_phrasings_are_many_and_none_is_both_trained_on_and_held_out(task) -> None:
    trained, held_out = task.phrasings(held_out=False), task.phrasings(held_out=True)
    assert len(set(trained)) >= 4 and held_out
    assert not set(trained) & set(held_out)


def test_no_phrasing_asks_for_two_different_edits() -> None:
    wordings = [text for edit in SINGLES for text in edit.phrasings]
    assert len(wordings) == len(set(wordings))


@pytest.mark.parametrize("edit", [edit for edit in SINGLES if edit.local], ids=lambda edit: edit.name)
def test_local_edits_leave_most_of_the_picture_untouched(edit: Edit) -> None:
    for seed in SEEDS:
        scene = sample_scene(seed)
        assert changed(render(scene), render(scene, edit.style(Style()))).mean() < 0.5


def test_every_case_of_the_evaluation_has_something_to_edit() -> None:
    cases = [make_case(index) for index in range(0, CASES, 7)]
    assert all(np.any(case.before != case.after) for case in cases)
    assert {case.kind for case in cases} >= LOCAL_BARS
