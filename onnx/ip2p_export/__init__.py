"""The parts of `export.py`: where the model comes from, its graphs, the folder written, the comparison."""
