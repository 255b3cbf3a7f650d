"""What the export scripts do alike: name their packages, start the export, tell what went wrong.

Imports nothing that has to be installed.
"""

import importlib
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

METADATA = re.compile(r"^# /// script$(.*?)^# ///$", re.MULTILINE | re.DOTALL)


def requirements(script: Path) -> list[str]:
    """The packages pinned in a script's own metadata."""
    [block] = METADATA.findall(script.read_text(encoding="utf-8"))
    return tomllib.loads(re.sub(r"^# ?", "", block, flags=re.MULTILINE))["dependencies"]


def run(module: str, options: dict[str, Any]) -> int:
    """Call `export(Options(...))` of a module of this package; the exit code."""
    try:
        exporter = importlib.import_module(f".{module}", __package__)
        from .problem import Problem
    except ImportError as error:
        print(f"error: {error}\nhint: run this with `uv run`, or install what --requirements prints", file=sys.stderr)
        return 3
    try:
        exporter.export(exporter.Options(**options))
    except Problem as problem:
        print(f"error: {problem.message}\nhint: {problem.remedy}", file=sys.stderr)
        return 1
    return 0
