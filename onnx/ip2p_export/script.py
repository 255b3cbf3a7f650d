"""What the export scripts do alike: their command line, the packages they need, and telling what went wrong.

Imports nothing that has to be installed.
"""

import argparse
import importlib
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

METADATA = re.compile(r"^# /// script$(.*?)^# ///$", re.MULTILINE | re.DOTALL)


def usage(description: str, *, model: str) -> argparse.ArgumentParser:
    """A command line that begins with MODEL and --out; `model` says what MODEL may be."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", metavar="MODEL", help=model)
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder to write")
    return parser


def parse(parser: argparse.ArgumentParser, arguments: list[str] | None, *, verify: str) -> argparse.Namespace:
    """What was asked for; the options of all scripts end the command line. `verify` says what is compared."""
    parser.add_argument("--verify", action="store_true", help=verify)
    parser.add_argument("--overwrite", action="store_true", help="replace DIR if it exists")
    parser.add_argument(
        "--requirements", action="store_true", help="print the packages that this script needs, and stop"
    )
    parsed = parser.parse_args(arguments)
    if not parsed.requirements and (parsed.model is None or parsed.out is None):
        parser.error("MODEL and --out are required")
    return parsed


def main(script: Path, module: str, parsed: argparse.Namespace) -> int:
    """Do what was asked for: print the packages, or export; the exit code."""
    options = vars(parsed)
    if options.pop("requirements"):
        print("\n".join(requirements(script)))
        return 0
    return run(module, options)


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
