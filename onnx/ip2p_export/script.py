"""What the export scripts do alike: their command line, the packages they need, and telling what went wrong.

Imports nothing that has to be installed.
"""

import argparse
import importlib
import importlib.metadata
import re
import signal
import sys
import tomllib
from pathlib import Path
from typing import Any

INTERRUPTED = 130
"""The exit code of what was interrupted."""
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
    parser.add_argument(
        "--check-requirements", action="store_true", help="exit with 0 if this environment has them all, else with 3"
    )
    parsed = parser.parse_args(arguments)
    if not (parsed.requirements or parsed.check_requirements) and (parsed.model is None or parsed.out is None):
        parser.error("MODEL and --out are required")
    return parsed


def main(script: Path, module: str, parsed: argparse.Namespace) -> int:
    """Do what was asked for: print the packages, or export; the exit code."""
    options = vars(parsed)
    lists, checks = options.pop("requirements"), options.pop("check_requirements")
    if lists:
        print("\n".join(requirements(script)))
        return 0
    if checks:
        return 0 if all(map(is_installed, requirements(script))) else 3
    # A process that is asked to end removes what it has begun to write.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    try:
        return run(module, options)
    except KeyboardInterrupt:
        return INTERRUPTED


def is_installed(requirement: str) -> bool:
    """Whether this environment has a package in its pinned version."""
    name, _, version = requirement.partition("==")
    try:
        # Builds of torch for one accelerator add its name: 2.15.0+cu132.
        return importlib.metadata.version(name).partition("+")[0] == version
    except importlib.metadata.PackageNotFoundError:
        return False


def progress(line: str) -> None:
    """Report progress."""
    print(line, file=sys.stderr, flush=True)


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
