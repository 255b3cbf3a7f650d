// NVIDIA's management library: memory of the GPUs by their place on the bus.
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "stand_in.h"

namespace {
constexpr int SUCCESS = 0;
constexpr int NOT_FOUND = 6;
constexpr int INSUFFICIENT_SIZE = 7;

// What a driver takes for itself.
constexpr size_t RESERVED = 400 << 20;

struct Memory {
  unsigned version;
  unsigned long long total, reserved, free, used;
};
struct Process {
  unsigned pid;
  unsigned long long used;
  unsigned gpu_instance, compute_instance;
};

// How this library knows the GPUs: by the driver's own UUIDs, as slices (MIG), or by their place on the bus alone.
bool known_as(const char* what) {
  const char* told = setting("STAND_IN_NVML");
  return !strcmp(told ? told : "uuid", what);
}

// Of a GPU, or of a slice; where only the place is known, one of which the driver knows nothing.
const char* start() {
  if (known_as("mig")) return "MIG-00000000-0000-0000-0000-0000000000";
  if (known_as("place")) return "GPU-ffffffff-0000-0000-0000-0000000000";
  return "GPU-00000000-0000-0000-0000-0000000000";
}

int place_of(void* device) { return (int)(uintptr_t)device - 1; }

int handle(long place, void** device) {
  if (place < 0 || place >= all_gpus()) return NOT_FOUND;
  *device = (void*)(uintptr_t)(place + 1);
  return SUCCESS;
}
}  // namespace

extern "C" {
int nvmlInit_v2() { return SUCCESS; }
int nvmlInitWithFlags(unsigned) { return SUCCESS; }
int nvmlShutdown() { return SUCCESS; }
const char* nvmlErrorString(int) { return "the stand-in's error"; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) { return handle(index, device); }
int nvmlDeviceGetHandleByPciBusId_v2(const char* id, void** device) {
  return handle(strtol(id + strlen("0000:"), nullptr, 16), device);
}
int nvmlDeviceGetHandleByUUID(const char* uuid, void** device) {
  if (strncmp(uuid, start(), strlen(start())) != 0) return NOT_FOUND;
  return handle(strtol(uuid + strlen(start()), nullptr, 16), device);
}
int nvmlDeviceGetUUID(void* device, char* uuid, unsigned length) {
  snprintf(uuid, length, "%s%02x", start(), place_of(device));
  return SUCCESS;
}
int nvmlDeviceGetName(void* device, char* name, unsigned length) {
  snprintf(name, length, "Stand-in at place %d", place_of(device));
  return SUCCESS;
}
int nvmlDeviceGetMemoryInfo_v2(void* device, Memory* memory) {
  memory->total = device_bytes();
  memory->reserved = RESERVED;
  memory->used = used_bytes(place_of(device)) + RESERVED;
  memory->free = memory->total > memory->used ? memory->total - memory->used : 0;
  return SUCCESS;
}
// This process, with what it uses there.
int nvmlDeviceGetComputeRunningProcesses_v3(void* device, unsigned* count, Process* processes) {
  size_t used = used_bytes(place_of(device));
  unsigned there = used > 0;
  unsigned room = *count;
  *count = there;
  if (room < there) return INSUFFICIENT_SIZE;
  if (there) processes[0] = {(unsigned)getpid(), used, 0, 0};
  return SUCCESS;
}
}
