#!/usr/bin/env bash
# Times the reference grid on a GPU: 5 x 5 guidance values x 4 seeds, 20 steps, 512 x 512, float16.
#
#     benches/gpu.sh [--json FILE]           # with a release build there; under 8 minutes
#     benches/gpu.sh --tiny                  # the same way through, on the CPU with a tiny model: a dry run
#     benches/gpu.sh --work FOLDER           # keeps the model there, for another time
#
# Builds nothing. Makes a model of the real architecture with random weights, exports it with onnx/export.py, and runs
# the grid in resident and in phased memory and, for some of its cells, by diffusers' pipeline on the same weights.
# The table for docs/performance.md comes last; `python benches/summary.py FILE` prints it again.
#
# IP2P names the program (default target/release/ip2p), PYTHON a Python with torch, diffusers, transformers, onnx and
# onnxruntime (onnx/export.py --requirements lists them), ORT_DYLIB_PATH an ONNX Runtime with CUDA, if `ip2p doctor`
# does not find one. Options go to gpu.py. 12 GB of disk are needed for a while.
set -euo pipefail
cd "$(dirname "$0")/.."

ip2p=${IP2P:-target/release/ip2p}
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" benches/gpu.py --ip2p "$ip2p" --image sweeps/photos/lake_house.png --work "$work" "$@"
