"""Prints the table of docs/performance.md from the figures of gpu.py.

    python benches/summary.py FIGURES.json

`benches/gpu.sh --json FIGURES.json` writes them.
"""

import json
import sys
from pathlib import Path

MIB_OF_3_GB = 3e9 / 2**20


def table(figures: dict) -> str:
    """Markdown."""
    resident, phased = figures["runs"]["resident"], figures["runs"]["phased"]
    cells, diffusers = resident["cells"], figures["diffusers_cell_s"]
    saved = 1 - resident["unet_rows"] / resident["plain_rows"]
    rows = [
        ("resident: denoising and decoding, s", f"{resident['stages_s']:.1f}", "<= 15, aim 10"),
        ("resident: loop, s", f"{resident['loop_s']:.1f}", ""),
        ("resident: VRAM of the arenas, MiB", number(resident["vram_peak_mib"]), ""),
        ("resident: VRAM of the device, MiB", number(resident["vram_device_mib"]), ""),
        ("phased: denoising and decoding, s", f"{phased['stages_s']:.1f}", ""),
        ("phased: loop over that of resident", f"{phased['loop_s'] / resident['loop_s']:.2f}", "<= 1.1"),
        ("phased: VRAM of the arenas, MiB", number(phased["vram_peak_mib"]), f"< {MIB_OF_3_GB:.0f}"),
        ("phased: VRAM of the device, MiB", number(phased["vram_device_mib"]), ""),
        ("UNet rows fewer than 3 a step and cell", f"{saved:.1%}", ">= 11 %"),
        ("cells a batch at most, resident; phased", f"{resident['batch_size']}; {phased['batch_size']}", ""),
        ("UNet calls of the steps' time", f"{resident['unet_share']:.1%}", ""),
        ("diffusers, a call a cell, s a cell", f"{diffusers:.2f}", ""),
        ("ip2p, resident, s a cell", f"{resident['loop_s'] / cells:.2f}", ""),
        ("ip2p over diffusers", f"{resident['loop_s'] / cells / diffusers:.2f}", ""),
        ("largest difference resident to phased, levels of 255", str(figures["largest_difference"]), "<= 1"),
    ]
    kind = "tiny model, a dry run" if figures["tiny"] else "float16, fused" if figures["fused"] else "float16"
    size, laps = figures["size"], figures["laps_s"]
    lines = [
        f"{figures['machine']}: {cells} cells, {figures['steps']} steps, {size} x {size}, {kind}",
        "",
        "| what | measured | target |",
        "|---|---|---|",
        *(f"| {what} | {value} | {target} |" for what, value, target in rows),
        "",
        f"{sum(laps.values()):.0f} s in all: " + ", ".join(f"{what} {seconds:.0f} s" for what, seconds in laps.items()),
    ]
    return "\n".join(lines)


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


if __name__ == "__main__":
    print(table(json.loads(Path(sys.argv[1]).read_text())))
