"""The folder that is written: Optimum's layout, as the sweep reads it (DESIGN section 7)."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import source
from .problem import Problem

PARTS = {"text_encoder": "text_encoder", "unet": "unet", "vae_encoder": "vae", "vae_decoder": "vae"}
"""Which part's configuration each component gets."""
TOKENIZER_FILES = {
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
}


@contextmanager
def new_folder(target: Path, overwrite: bool) -> Iterator[Path]:
    """A folder that takes its name only when everything in it is written, and leaves nothing behind if not."""
    if target.exists() and not overwrite:
        raise Problem(f"{target} exists already", "choose another --out, or replace it with --overwrite")
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    except PermissionError as error:
        raise Problem(f"cannot write {target}: {error.strerror}", "choose an --out that you may write to") from error
    except OSError as error:
        if error.errno is None:
            raise
        raise Problem(f"cannot write {target}: {error.strerror}", "free some space or choose another --out") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def require_space(target: Path, needed: int) -> None:
    """Stop before the work if its result cannot fit."""
    existing = next(parent for parent in [target, *target.absolute().parents] if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise Problem(
            f"the export needs about {needed / 1e9:.1f} GB in {existing}, where {free / 1e9:.1f} GB are free",
            "free some space or choose another --out",
        )


def copy_configs(folder: Path, target: Path) -> None:
    """Everything but the graphs. Paths that the configurations remember of other machines are left out."""
    contents = {f"{component}/config.json": source.config(folder, part) for component, part in PARTS.items()}
    for name in ("model_index.json", "scheduler/scheduler_config.json"):
        contents[name] = source.read_json(folder / name)
    for name, content in contents.items():
        write_json(target / name, content)
    copy_tokenizer(folder / "tokenizer", target)


def write_json(path: Path, content: dict) -> None:
    """A configuration, without the path that it may remember."""
    content.pop("_name_or_path", None)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def copy_tokenizer(folder: Path, target: Path) -> None:
    """The files of a tokenizer, from where they lie to a folder of their own."""
    (target / "tokenizer").mkdir()
    for path in sorted(folder.iterdir()):
        if path.name in TOKENIZER_FILES:
            shutil.copyfile(path, target / "tokenizer" / path.name)


def size(folder: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
