// libcudart: memory of the host as device memory, streams as queues that run as late as CUDA allows.
//
// What CUDA promises is kept and no more. A copy between pinned or device memory has happened once its stream was
// waited for, not earlier; one from pageable memory has read its source when the call returns; one to pageable memory
// has happened by then. A program that relies on more than that fails here, as it does now and then on a GPU.
#define __CUDA_RUNTIME_API_VERSION 13000
#include <cuda_runtime_api.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>

#include "stand_in.h"

namespace {
std::recursive_mutex mutex;
#define LOCKED std::lock_guard<std::recursive_mutex> locked(mutex)

thread_local int current_device = 0;
thread_local cudaError_t last_error = cudaSuccess;

cudaError_t failed(cudaError_t error) {
  last_error = error;
  return error;
}

// ---- What is counted ----

struct Copies {
  uint64_t count = 0, bytes = 0;
  void add(size_t size) {
    count++;
    bytes += size;
  }
};

struct Usage {
  size_t now = 0, peak = 0;
};

struct Report {
  Copies to_device, to_host, within;
  uint64_t kernels = 0, allocations = 0, waits = 0, in_tf32 = 0;
  // By place on the bus.
  std::map<int, Usage> devices;
  Usage pinned;

  ~Report() {
    const char* path = setting("STAND_IN_REPORT");
    FILE* file = path ? fopen(path, "w") : nullptr;
    if (!file) return;
    auto copies = [&](const char* name, const Copies& of) {
      fprintf(file, "\"%s\": {\"count\": %lu, \"bytes\": %lu}, ", name, of.count, of.bytes);
    };
    fprintf(file, "{");
    copies("to_device", to_device);
    copies("to_host", to_host);
    copies("within", within);
    fprintf(file, "\"kernels\": %lu, \"allocations\": %lu, \"waits\": %lu, ", kernels, allocations, waits);
    fprintf(file, "\"in_tf32\": %lu, ", in_tf32);
    fprintf(file, "\"pinned_peak_bytes\": %zu, \"devices\": [", pinned.peak);
    for (int place = 0; place < all_gpus(); place++) {
      const Usage& usage = devices[place];
      const char* comma = place ? ", " : "";
      fprintf(file, "%s{\"peak_bytes\": %zu, \"used_bytes\": %zu}", comma, usage.peak, usage.now);
    }
    fprintf(file, "]}\n");
    fclose(file);
  }
} report;

// ---- Memory ----

enum class Kind { Pageable, Pinned, Device };

struct Block {
  size_t size;
  Kind kind;
  int place;
};

std::map<char*, Block> blocks;

// The block that an address lies in; none for what the program has allocated elsewhere.
const Block* block_of(const void* address) {
  auto after = blocks.upper_bound((char*)address);
  if (after == blocks.begin()) return nullptr;
  auto found = std::prev(after);
  return (char*)address < found->first + found->second.size ? &found->second : nullptr;
}

Kind kind_of(const void* address) {
  const Block* block = block_of(address);
  return block ? block->kind : Kind::Pageable;
}

int place_of(int device) {
  std::vector<int> visible = visible_gpus();
  return device >= 0 && device < (int)visible.size() ? visible[device] : -1;
}

void* allocate(size_t size, Kind kind, int place, Usage& usage) {
  void* address = nullptr;
  if (posix_memalign(&address, 512, size ? size : 1)) return nullptr;
  // Numbers that nobody computes: 1.059 in halves, 0.0115 in singles.
  if (setting("STAND_IN_POISON")) {
    memset(address, 0x3c, size);
  } else if (size < (64 << 20)) {
    // From there on the system gives pages of zeros, which are there once they are touched: a device may be larger than
    // the host.
    memset(address, 0, size);
  }
  blocks[(char*)address] = {size, kind, place};
  usage.now += size;
  if (usage.now > usage.peak) usage.peak = usage.now;
  report.allocations++;
  return address;
}

// ---- Streams ----

struct Stream {
  std::deque<std::function<void()>> work;

  void run() {
    while (!work.empty()) {
      auto next = std::move(work.front());
      work.pop_front();
      next();
    }
  }

  void push(std::function<void()> next) {
    work.push_back(std::move(next));
    if (setting("STAND_IN_EAGER")) run();
  }
};

Stream default_stream;
std::set<Stream*> streams;

Stream* stream_of(cudaStream_t stream) {
  bool is_default = !stream || stream == cudaStreamLegacy || stream == cudaStreamPerThread;
  return is_default ? &default_stream : (Stream*)stream;
}

void run_all() {
  default_stream.run();
  for (Stream* stream : streams) stream->run();
}

struct Event {
  Stream* stream = nullptr;
  uint64_t recorded = 0;
  bool reached = true;

  void wait() {
    if (!reached && stream) stream->run();
  }
};

cudaError_t release(void* address, Kind kind) {
  LOCKED;
  if (!address) return cudaSuccess;
  run_all();
  auto found = blocks.find((char*)address);
  if (found == blocks.end() || found->second.kind != kind) return failed(cudaErrorInvalidValue);
  Usage& usage = kind == Kind::Device ? report.devices[found->second.place] : report.pinned;
  usage.now -= found->second.size;
  blocks.erase(found);
  free(address);
  return cudaSuccess;
}

cudaError_t copy(void* to, const void* from, size_t size, Stream* stream, bool is_async) {
  LOCKED;
  Kind target = kind_of(to), source = kind_of(from);
  if (target == Kind::Device && source == Kind::Device) {
    report.within.add(size);
  } else if (target == Kind::Device) {
    report.to_device.add(size);
  } else {
    report.to_host.add(size);
  }
  if (!is_async) {
    run_all();
    memmove(to, from, size);
  } else if (source == Kind::Pageable && target == Kind::Device) {
    std::string staged((const char*)from, size);
    stream->push([to, staged] { memcpy(to, staged.data(), staged.size()); });
  } else {
    stream->push([to, from, size] { memmove(to, from, size); });
    if (target == Kind::Pageable) stream->run();
  }
  return cudaSuccess;
}

cudaError_t kernel() {
  LOCKED;
  report.kernels++;
  return cudaSuccess;
}
}  // namespace

extern "C" {
// ---- For the other libraries ----

void stand_in_kernel(const char*) { kernel(); }

void stand_in_tf32() { report.in_tf32++; }
size_t stand_in_used(int place) {
  LOCKED;
  return report.devices[place].now;
}

// ---- Devices ----

cudaError_t cudaGetDeviceCount(int* count) {
  *count = (int)visible_gpus().size();
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (place_of(device) < 0) return failed(cudaErrorInvalidDevice);
  current_device = device;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
// Those of an H200.
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* of, int device) {
  memset(of, 0, sizeof *of);
  snprintf(of->name, sizeof of->name, "Stand-in at place %d", place_of(device));
  of->totalGlobalMem = device_bytes();
  of->major = 9;
  of->minor = 0;
  of->multiProcessorCount = 132;
  of->warpSize = 32;
  of->regsPerBlock = of->regsPerMultiprocessor = 65536;
  of->maxThreadsPerBlock = 1024;
  of->maxThreadsPerMultiProcessor = 2048;
  of->maxBlocksPerMultiProcessor = 32;
  of->maxThreadsDim[0] = of->maxThreadsDim[1] = 1024;
  of->maxThreadsDim[2] = 64;
  of->maxGridSize[0] = 2147483647;
  of->maxGridSize[1] = of->maxGridSize[2] = 65535;
  of->sharedMemPerBlock = 49152;
  of->sharedMemPerBlockOptin = 232448;
  of->sharedMemPerMultiprocessor = 233472;
  of->l2CacheSize = 60 << 20;
  of->memoryBusWidth = 6144;
  of->concurrentKernels = of->unifiedAddressing = of->cooperativeLaunch = of->memoryPoolsSupported = 1;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp of;
  cudaGetDeviceProperties(&of, device);
  switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor: *value = of.major; break;
    case cudaDevAttrComputeCapabilityMinor: *value = of.minor; break;
    case cudaDevAttrMultiProcessorCount: *value = of.multiProcessorCount; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = (int)of.sharedMemPerBlock; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = (int)of.sharedMemPerBlockOptin; break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *value = (int)of.sharedMemPerMultiprocessor; break;
    case cudaDevAttrMaxThreadsPerBlock: *value = of.maxThreadsPerBlock; break;
    case cudaDevAttrMaxThreadsPerMultiProcessor: *value = of.maxThreadsPerMultiProcessor; break;
    case cudaDevAttrWarpSize: *value = of.warpSize; break;
    // Abilities.
    default: *value = 1;
  }
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  LOCKED;
  report.waits++;
  run_all();
  return cudaSuccess;
}

// ---- Errors ----

cudaError_t cudaGetLastError() {
  cudaError_t error = last_error;
  last_error = cudaSuccess;
  return error;
}
cudaError_t cudaPeekAtLastError() { return last_error; }
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "out of memory" : error ? "the stand-in's error" : "no error";
}
const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : error ? "cudaErrorStandIn" : "cudaSuccess";
}

// ---- Memory ----

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  LOCKED;
  size_t used = report.devices[place_of(current_device)].now;
  *total = device_bytes();
  *free = *total > used ? *total - used : 0;
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** address, size_t size) {
  LOCKED;
  int place = place_of(current_device);
  Usage& usage = report.devices[place];
  if (usage.now + size > device_bytes()) return failed(cudaErrorMemoryAllocation);
  *address = allocate(size, Kind::Device, place, usage);
  return cudaSuccess;
}
cudaError_t cudaMallocAsync(void** address, size_t size, cudaStream_t) { return cudaMalloc(address, size); }
cudaError_t cudaMallocFromPoolAsync(void** address, size_t size, cudaMemPool_t, cudaStream_t) {
  return cudaMalloc(address, size);
}
cudaError_t cudaFree(void* address) { return release(address, Kind::Device); }
cudaError_t cudaFreeAsync(void* address, cudaStream_t) { return cudaFree(address); }
cudaError_t cudaHostAlloc(void** address, size_t size, unsigned) {
  LOCKED;
  *address = allocate(size, Kind::Pinned, 0, report.pinned);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** address, size_t size) { return cudaHostAlloc(address, size, 0); }
cudaError_t cudaFreeHost(void* address) { return release(address, Kind::Pinned); }
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* of, const void* address) {
  LOCKED;
  memset(of, 0, sizeof *of);
  const Block* block = block_of(address);
  of->type = !block                          ? cudaMemoryTypeUnregistered
             : block->kind == Kind::Device ? cudaMemoryTypeDevice
                                             : cudaMemoryTypeHost;
  of->device = current_device;
  of->devicePointer = of->hostPointer = (void*)address;
  return cudaSuccess;
}
cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps*) {
  *pool = (cudaMemPool_t)1;
  return cudaSuccess;
}
cudaError_t cudaMemPoolDestroy(cudaMemPool_t) { return cudaSuccess; }
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t, cudaMemPoolAttr, void* value) {
  *(uint64_t*)value = 0;
  return cudaSuccess;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, size_t) { return cudaSuccess; }

// ---- Copies ----

cudaError_t cudaMemcpy(void* to, const void* from, size_t size, cudaMemcpyKind) {
  return copy(to, from, size, &default_stream, false);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t size, cudaMemcpyKind, cudaStream_t stream) {
  return copy(to, from, size, stream_of(stream), true);
}
cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width, size_t height,
                              cudaMemcpyKind, cudaStream_t stream) {
  LOCKED;
  stream_of(stream)->push([=] {
    for (size_t row = 0; row < height; row++) memmove((char*)to + row * to_pitch, (char*)from + row * from_pitch, width);
  });
  return cudaSuccess;
}
cudaError_t cudaMemcpyFromSymbol(void* to, const void*, size_t size, size_t, cudaMemcpyKind) {
  memset(to, 0, size);
  return cudaSuccess;
}
cudaError_t cudaMemset(void* address, int value, size_t size) {
  LOCKED;
  run_all();
  memset(address, value, size);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* address, int value, size_t size, cudaStream_t stream) {
  LOCKED;
  stream_of(stream)->push([=] { memset(address, value, size); });
  return cudaSuccess;
}

// ---- Streams and events ----

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  LOCKED;
  auto* created = new Stream;
  streams.insert(created);
  *stream = (cudaStream_t)created;
  return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, 0); }
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  LOCKED;
  stream_of(stream)->run();
  // It stays allocated: an event may name it still.
  streams.erase((Stream*)stream);
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  LOCKED;
  report.waits++;
  stream_of(stream)->run();
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  LOCKED;
  auto* awaited = (Event*)event;
  stream_of(stream)->push([awaited] { awaited->wait(); });
  return cudaSuccess;
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* argument) {
  LOCKED;
  stream_of(stream)->push([=] { function(argument); });
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = (cudaEvent_t) new Event;
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }
// It stays allocated: a queue may name it still.
cudaError_t cudaEventDestroy(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  LOCKED;
  auto* recorded = (Event*)event;
  recorded->stream = stream_of(stream);
  recorded->reached = false;
  uint64_t number = ++recorded->recorded;
  stream_of(stream)->push([recorded, number] { recorded->reached |= recorded->recorded == number; });
  return cudaSuccess;
}
cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned) {
  return cudaEventRecord(event, stream);
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  LOCKED;
  ((Event*)event)->wait();
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t, cudaEvent_t) {
  *ms = 0.01f;
  return cudaSuccess;
}

// ---- Graphs, which this program asks for nowhere ----

cudaError_t cudaStreamIsCapturing(cudaStream_t, cudaStreamCaptureStatus* status) {
  *status = cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) { return failed(cudaErrorNotSupported); }
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t*) { return failed(cudaErrorNotSupported); }
cudaError_t cudaGraphInstantiate(cudaGraphExec_t*, cudaGraph_t, unsigned long long) {
  return failed(cudaErrorNotSupported);
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t, cudaStream_t) { return failed(cudaErrorNotSupported); }
cudaError_t cudaGraphDestroy(cudaGraph_t) { return cudaSuccess; }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t) { return cudaSuccess; }

// ---- Kernels ----

cudaError_t cudaLaunchKernel(const void*, dim3, dim3, void**, size_t, cudaStream_t) { return kernel(); }
cudaError_t __cudaLaunchKernel(cudaKernel_t, dim3, dim3, void**, size_t, cudaStream_t) { return kernel(); }
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t*, const void*, void**) { return kernel(); }
cudaError_t cudaLaunchCooperativeKernel(const void*, dim3, dim3, void**, size_t, cudaStream_t) { return kernel(); }
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* of, const void*) {
  memset(of, 0, sizeof *of);
  of->maxThreadsPerBlock = 1024;
  of->numRegs = 32;
  of->binaryVersion = of->ptxVersion = 90;
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) { return cudaSuccess; }
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void*, int, size_t, unsigned) {
  *blocks = 2;
  return cudaSuccess;
}
cudaError_t cudaKernelSetAttributeForDevice(cudaKernel_t, cudaFuncAttribute, int, int) { return cudaSuccess; }
cudaError_t cudaLibraryLoadData(cudaLibrary_t* library, const void*, cudaJitOption*, void**, unsigned, cudaLibraryOption*,
                                void**, unsigned) {
  *library = (cudaLibrary_t)1;
  return cudaSuccess;
}
cudaError_t cudaLibraryUnload(cudaLibrary_t) { return cudaSuccess; }
cudaError_t cudaLibraryGetKernel(cudaKernel_t* kernel, cudaLibrary_t, const char*) {
  *kernel = (cudaKernel_t)1;
  return cudaSuccess;
}
cudaError_t cudaGetDriverEntryPointByVersion(const char*, void** address, unsigned, unsigned long long,
                                             cudaDriverEntryPointQueryResult* result) {
  *address = nullptr;
  if (result) *result = cudaDriverEntryPointSymbolNotFound;
  return cudaSuccess;
}

// ---- What nvcc's code calls before main and around a launch ----

cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  *kernel = (cudaKernel_t)function;
  return cudaSuccess;
}
struct Launch {
  dim3 grid, block;
  size_t shared;
  cudaStream_t stream;
};
static thread_local std::vector<Launch> launches;
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, struct CUstream_st* stream) {
  launches.push_back({grid, block, shared, stream});
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared, void* stream) {
  if (launches.empty()) return failed(cudaErrorMissingConfiguration);
  Launch last = launches.back();
  launches.pop_back();
  *grid = last.grid;
  *block = last.block;
  *shared = last.shared;
  *(cudaStream_t*)stream = last.stream;
  return cudaSuccess;
}
void** __cudaRegisterFatBinary(void*) { return (void**)new void*; }
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
void __cudaRegisterFunction(void**, const char*, char*, const char*, int, void*, void*, void*, void*, int*) {}
void __cudaRegisterVar(void**, char*, char*, const char*, int, size_t, int, int) {}
}
