"""The training scripts are run as their users run them: with their folder on the path."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "onnx" / "demo_model"))
