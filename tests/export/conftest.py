"""Pipelines to export, made once a session from the recipes of the golden data."""

import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "onnx"), str(ROOT / "tests" / "golden")]

from recipes import RECIPES, build  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests of the full architecture: 15 minutes, 16 GB")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="give --slow to run it"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes minutes and many gigabytes")


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of both pipelines by name. Not to be written to."""
    made = {}
    for recipe in RECIPES:
        folder = tmp_path_factory.mktemp(recipe.name)
        build(recipe, folder / "vocabulary").save_pretrained(folder / "pipeline")
        made[recipe.name] = folder / "pipeline"
    return made


@pytest.fixture
def pipeline(pipelines: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of one pipeline, to be damaged."""
    return Path(shutil.copytree(pipelines["tiny_eps"], tmp_path / "pipeline"))
