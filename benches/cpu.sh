#!/usr/bin/env bash
# Times a grid on the CPU: `ip2p run` beside two loops in Python over the same weights.
#
#     cargo build --release && benches/cpu.sh [--repeats 5] [--threads 2] [--json FILE]
#
# IP2P names the program (default target/release/ip2p), PYTHON a Python with torch, diffusers, transformers,
# onnx and onnxruntime (onnx/export.py --requirements lists them). Options go to cpu.py.
set -euo pipefail
cd "$(dirname "$0")/.."

ip2p=${IP2P:-target/release/ip2p}
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" onnx/demo_model/restore.py onnx/demo --work "$work"
"$python" benches/cpu.py --ip2p "$ip2p" --model onnx/demo --pipeline "$work/pipeline" \
  --image sweeps/photos/lake_house.png --work "$work" "$@"
