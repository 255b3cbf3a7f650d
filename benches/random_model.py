"""Writes a diffusers pipeline with random weights: the real architecture, or a tiny one.

    python random_model.py full FOLDER
    python random_model.py tiny FOLDER

The recipes are those of the tests (tests/export/full_size.py, tests/golden/recipes.py).
"""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS / "golden"), str(TESTS / "export")]


def make(size: str, folder: Path) -> Path:
    """The pipeline's folder."""
    from full_size import FULL_SIZE
    from recipes import RECIPES, build

    recipe = FULL_SIZE if size == "full" else RECIPES[0]
    build(recipe, folder / "vocabulary").save_pretrained(folder / "pipeline")
    return folder / "pipeline"


if __name__ == "__main__":
    print(make(sys.argv[1], Path(sys.argv[2])))
