#!/usr/bin/env bash
# Builds stand-ins for NVIDIA's driver and libraries, so that ONNX Runtime's real CUDA provider runs without a GPU.
#
#   build.sh HEADERS OUT    HEADERS holds cuda_runtime_api.h (wheels nvidia-cuda-runtime and nvidia-cuda-crt)
#
# OUT gets what NVIDIA's wheels hold (to lie beside ONNX Runtime), OUT/driver what the driver installs (for
# LD_LIBRARY_PATH). What they do and how they are told is written in stand_in.h.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
headers=$1
out=$2
mkdir -p "$out/driver"

# library SOURCE SONAME [FOLDER]
library() {
  g++ -std=c++17 -O1 -Wall -shared -fPIC -I "$headers" -Wl,-soname,"$2" "${@:4}" -o "$out/${3:-.}/$2" "$here/$1" -ldl
}
# The same, with symbols under the version that NVIDIA gives them in its own libraries: the library's name.
versioned() {
  local map="$out/$2.map"
  echo "$2 { global: *; };" >"$map"
  library "$1" "$2" . -Wl,--version-script="$map"
  rm "$map"
}
versioned runtime.cpp libcudart.so.13
versioned cublas.cpp libcublas.so.13
versioned cublaslt.cpp libcublasLt.so.13
versioned cudnn.cpp libcudnn.so.9
library driver.cpp libcuda.so.1 driver
library nvml.cpp libnvidia-ml.so.1 driver
# Loaded by name and never called here.
for name in libcurand.so.10 libnvJitLink.so.13 libnvrtc.so.13 libnvrtc-builtins.so.13.0 \
  libcudnn_{adv,cnn,engines_precompiled,engines_runtime_compiled,graph,heuristic,ops}.so.9; do
  library empty.cpp "$name"
done
