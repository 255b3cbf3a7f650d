// libcuda: which GPUs CUDA shows, and who they are.
#include <cstring>

#include "stand_in.h"

namespace {
constexpr int SUCCESS = 0;
constexpr int INVALID_VALUE = 1;
constexpr int NO_DEVICE = 100;

int place_of(int device) {
  std::vector<int> visible = visible_gpus();
  return device >= 0 && device < (int)visible.size() ? visible[device] : -1;
}
}  // namespace

extern "C" {
int cuInit(unsigned) { return visible_gpus().empty() ? NO_DEVICE : SUCCESS; }
int cuDriverGetVersion(int* version) {
  *version = 13000;
  return SUCCESS;
}
int cuDeviceGetCount(int* count) {
  *count = (int)visible_gpus().size();
  return SUCCESS;
}
int cuDeviceGet(int* device, int index) {
  *device = index;
  return place_of(index) < 0 ? INVALID_VALUE : SUCCESS;
}
// 15 zeros and the place on the bus.
int cuDeviceGetUuid_v2(unsigned char uuid[16], int device) {
  memset(uuid, 0, 16);
  uuid[15] = (unsigned char)place_of(device);
  return SUCCESS;
}
int cuDeviceGetPCIBusId(char* text, int length, int device) {
  snprintf(text, length, "0000:%02x:00.0", place_of(device));
  return SUCCESS;
}
int cuTensorMapEncodeTiled() { return SUCCESS; }
}
