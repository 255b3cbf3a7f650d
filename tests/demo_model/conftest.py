"""The training scripts are run as their users run them: with their folder on the path."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "onnx" / "demo_model"
sys.path.insert(0, str(SCRIPTS))


def script(name: str, *arguments: object) -> str:
    command = [sys.executable, str(SCRIPTS / name), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed model as checkpoints, and a few encoded pairs."""
    folder = tmp_path_factory.mktemp("work")
    script("restore.py", ROOT / "onnx" / "demo", "--work", folder)
    script("pairs.py", "--work", folder, "--scenes", 3)
    return folder
