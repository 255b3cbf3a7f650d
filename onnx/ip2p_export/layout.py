"""The folder that is written: Optimum's layout, as the sweep reads it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .problem import Problem
from .source import Source

PARTS = {"text_encoder": "text_encoder", "unet": "unet", "vae_encoder": "vae", "vae_decoder": "vae"}
"""Which part's configuration each component gets."""
ROOM = 1.05
"""What an export takes on disk, as a share of its weights: nothing is written on the way."""
TOKENIZER_FILES = {
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
}


def require_free(target: Path, overwrite: bool) -> None:
    """Stop before the work if the folder exists and must be kept."""
    if target.exists() and not overwrite:
        raise Problem(f"{target} exists already", "choose another --out, or replace it with --overwrite")


@contextmanager
def new_folder(target: Path, overwrite: bool) -> Iterator[Path]:
    """A folder that takes its name only when everything in it is written, and leaves nothing behind if not."""
    require_free(target, overwrite)
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
    """Stop before the work if there is not enough space for its result."""
    existing = next(parent for parent in [target, *target.absolute().parents] if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise Problem(
            f"the export needs about {needed / 1e9:.1f} GB in {existing}, where {free / 1e9:.1f} GB are free",
            "free some space or choose another --out",
        )


def write_configs(source: Source, target: Path) -> None:
    """Everything but the graphs. Paths that the configurations remember of other machines are left out."""
    for component, part in PARTS.items():
        write_json(target / component / "config.json", source.config(part))
    write_json(target / "model_index.json", source.index())
    write_json(target / "scheduler" / "scheduler_config.json", source.scheduler())
    copy_tokenizer(source.tokenizer(), target)


def write_json(path: Path, content: dict) -> None:
    """Write a configuration, without the path that it may contain."""
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
    """The size of all files in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
