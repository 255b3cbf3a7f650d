"""The parts of `export.py` and `export_clip.py`: where models come from, graphs, the folder written, the comparison."""
