#!/usr/bin/env bash
# Holds a device against the CPU: by how many of 255 levels their images differ at most, for each scheduler.
#
#     benches/parity.sh --device cuda        # with a release build there
#     benches/parity.sh --device cpu         # the same way through without a GPU: no level apart
#
# Runs every scheduler on the golden pipelines of the tests, which predict noise and velocities, and on the demo, on the
# CPU and with the options given, which are those of `ip2p run`; prints a table and fails if an image is more than 2
# levels apart. IP2P names the program (default target/release/ip2p).
set -euo pipefail
cd "$(dirname "$0")/.."

ip2p=${IP2P:-target/release/ip2p}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sweep() { # MODEL IMAGE
  cat <<TOML
model = "$PWD/$1"
[sweep]
image = "$PWD/$2"
instruction = "make it winter"
guidance_scale = [1.5, 7.0]
image_guidance_scale = [1.0, 1.5]
seed = 42
num_inference_steps = 8
scheduler = [
  "euler_ancestral", "euler", "heun", "lms", "ddim", "ddpm", "pndm", "dpmpp_2m", "dpmpp_2m_karras", "unipc", "lcm",
]
TOML
}

compared() { # NAME MODEL IMAGE
  sweep "$2" "$3" >"$work/$1.toml"
  "$ip2p" run "$work/$1.toml" --out "$work/$1-cpu" --quiet --device cpu
  "$ip2p" run "$work/$1.toml" --out "$work/$1-device" --quiet "${@:4}"
  "$ip2p" compare "$work/$1-cpu" "$work/$1-device" --out "$work/$1" >/dev/null
}

golden=tests/golden
compared tiny_eps $golden/tiny_eps $golden/runs/input/64x64.png "$@" >&2
compared tiny_v $golden/tiny_v $golden/runs/input/64x64.png "$@" >&2
compared demo onnx/demo sweeps/photos/lake_house.png "$@" >&2

cd "$work"
awk -F, -v most=2 '
  FNR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
  {
    model = FILENAME; sub("/.*", "", model)
    scheduler = $column["scheduler"]; apart = $column["level_max"]
    if (!(scheduler in seen)) { seen[scheduler]; order[++count] = scheduler }
    # No level where a cell failed.
    if (apart == "") apart = 256
    if (apart + 0 >= worst[model, scheduler]) worst[model, scheduler] = apart + 0
    if (apart > most) failed = 1
  }
  END {
    models = split("tiny_eps tiny_v demo", name, " ")
    printf "| levels apart |"; for (i = 1; i <= models; i++) printf " %s |", name[i]
    printf "\n|---|"; for (i = 1; i <= models; i++) printf "---|"; print ""
    for (s = 1; s <= count; s++) {
      printf "| %s |", order[s]
      for (i = 1; i <= models; i++) printf " %s |", worst[name[i], order[s]]
      print ""
    }
    exit failed
  }
' {tiny_eps,tiny_v,demo}/compare.csv
