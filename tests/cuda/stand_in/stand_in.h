// What the stand-ins share: how they are told what to be, and how they count.
//
// "Device" memory is memory of the host, streams are queues, kernels compute nothing. So pixels mean nothing; calls,
// copies, memory, errors and the host's own time are real.
//
//   STAND_IN_GPUS=2        how many GPUs there are
//   STAND_IN_MIB=8192      memory of each
//   STAND_IN_POISON=1      fresh memory is full of odd numbers instead of zeros
//   STAND_IN_EAGER=1       streams run at once; without it as late as CUDA allows
//   STAND_IN_NVML=mig      the management library knows slices of GPUs; =place: it knows no UUID of the driver's
//   STAND_IN_CUDNN=fail    cuDNN finds no plan for any convolution
//   STAND_IN_REPORT=FILE   where counts go when the process ends, as JSON
//
// CUDA counts fastest GPUs first, the management library by their place on the bus, and CUDA_VISIBLE_DEVICES hides some
// from CUDA alone. Here the fastest is the last on the bus, so that mistaking one number for the other shows.
#pragma once

#include <dlfcn.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

inline const char* setting(const char* name) {
  const char* value = getenv(name);
  return value && *value ? value : nullptr;
}

inline long number(const char* name, long otherwise) {
  const char* value = setting(name);
  return value ? atol(value) : otherwise;
}

inline int all_gpus() { return (int)number("STAND_IN_GPUS", 2); }

inline size_t device_bytes() { return (size_t)number("STAND_IN_MIB", 8192) << 20; }

// The places on the bus of the GPUs that CUDA shows, in CUDA's order.
inline std::vector<int> visible_gpus() {
  std::vector<int> fastest_first;
  for (int place = all_gpus() - 1; place >= 0; place--) fastest_first.push_back(place);
  const char* chosen = setting("CUDA_VISIBLE_DEVICES");
  if (!chosen) return fastest_first;
  std::vector<int> visible;
  for (const char* rest = chosen; *rest;) {
    char* end = nullptr;
    long index = strtol(rest, &end, 10);
    if (end == rest || index < 0 || index >= (long)fastest_first.size()) break;
    visible.push_back(fastest_first[index]);
    rest = *end == ',' ? end + 1 : end;
  }
  return visible;
}

// A kernel of one of the libraries has run. The runtime's stand-in counts.
inline void count_kernel(const char* name) {
  using Count = void (*)(const char*);
  static auto count = (Count)dlsym(RTLD_DEFAULT, "stand_in_kernel");
  if (count) count(name);
}

// A product in TF32 is asked for.
inline void count_tf32() {
  using Count = void (*)();
  static auto count = (Count)dlsym(RTLD_DEFAULT, "stand_in_tf32");
  if (count) count();
}

// Bytes in use on the GPU at a place on the bus.
inline size_t used_bytes(int place) {
  using Used = size_t (*)(int);
  static auto used = (Used)dlsym(RTLD_DEFAULT, "stand_in_used");
  return used ? used(place) : 0;
}
