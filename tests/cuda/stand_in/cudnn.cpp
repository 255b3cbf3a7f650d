// cuDNN: descriptors of its graph interface as far as ONNX Runtime asks them, and operations that compute nothing.
#include <cstdint>
#include <cstring>

#include "stand_in.h"

namespace {
constexpr int SUCCESS = 0;
constexpr int NOT_SUPPORTED = 3000;

// cudnnBackendAttributeName_t: what is read back from descriptors.
constexpr int ENGINE_GLOBAL_COUNT = 202;
constexpr int HEURISTIC_RESULTS = 300;
constexpr int ENGINE_WORKSPACE = 303;
constexpr int ENGINE_SHARED_MEMORY = 304;
constexpr int PLAN_WORKSPACE = 402;
constexpr int PLAN_JSON = 405;
constexpr int ENGINE_KNOB_COUNT = 1301;
// cudnnBackendDescriptorType_t.
constexpr int EXECUTION_PLAN = 5;

constexpr int64_t WORKSPACE_BYTES = 1 << 20;

struct Descriptor {
  int type;
};

void* stream = nullptr;

template <typename T>
int64_t one(void* values, int64_t wanted, T value) {
  if (values && wanted > 0) memcpy(values, &value, sizeof value);
  return 1;
}
}  // namespace

#define SUCCEEDS(name) \
  int name() { return SUCCESS; }
#define CREATES(name)       \
  int name(void** created) { \
    *created = malloc(256); \
    return SUCCESS;         \
  }
#define KERNEL(name)    \
  int name() {          \
    count_kernel(#name); \
    return SUCCESS;     \
  }

extern "C" {
int cudnnCreate(void** handle) {
  *handle = malloc(64);
  return SUCCESS;
}
int cudnnDestroy(void* handle) {
  free(handle);
  return SUCCESS;
}
size_t cudnnGetVersion() { return 92400; }
size_t cudnnGetCudartVersion() { return 13000; }
const char* cudnnGetErrorString(int) { return "CUDNN_STATUS_NOT_SUPPORTED"; }
void cudnnGetLastErrorString(char* text, size_t length) { snprintf(text, length, "the stand-in finds no plan"); }
int cudnnSetStream(void*, void* given) {
  stream = given;
  return SUCCESS;
}
int cudnnGetStream(void*, void** given) {
  *given = stream;
  return SUCCESS;
}

int cudnnBackendCreateDescriptor(int type, void** descriptor) {
  *descriptor = new Descriptor{type};
  return SUCCESS;
}
int cudnnBackendDestroyDescriptor(void* descriptor) {
  delete (Descriptor*)descriptor;
  return SUCCESS;
}
int cudnnBackendInitialize(void*) { return SUCCESS; }
int cudnnBackendFinalize(void* descriptor) {
  bool fails = setting("STAND_IN_CUDNN") && ((Descriptor*)descriptor)->type == EXECUTION_PLAN;
  return fails ? NOT_SUPPORTED : SUCCESS;
}
int cudnnBackendSetAttribute(void*, int, int, int64_t, const void*) { return SUCCESS; }
int cudnnBackendGetAttribute(void*, int attribute, int, int64_t wanted, int64_t* found, void* values) {
  int64_t count = 0;
  switch (attribute) {
    case ENGINE_GLOBAL_COUNT:
    case HEURISTIC_RESULTS:
      count = 1;
      break;
    case ENGINE_WORKSPACE:
    case PLAN_WORKSPACE:
      count = one<int64_t>(values, wanted, WORKSPACE_BYTES);
      break;
    case ENGINE_SHARED_MEMORY:
      count = one<int32_t>(values, wanted, 1024);
      break;
    case ENGINE_KNOB_COUNT:
      count = one<int64_t>(values, wanted, 1);
      break;
    case PLAN_JSON:
      count = 3;
      if (values && wanted >= count) memcpy(values, "{}", count);
      break;
    default:
      break;
  }
  if (found) *found = count;
  return SUCCESS;
}
KERNEL(cudnnBackendExecute)

// The older interface, which ONNX Runtime keeps for what the graphs cannot do.
CREATES(cudnnCreateActivationDescriptor)
CREATES(cudnnCreateConvolutionDescriptor)
CREATES(cudnnCreateDropoutDescriptor)
CREATES(cudnnCreateFilterDescriptor)
CREATES(cudnnCreateLRNDescriptor)
CREATES(cudnnCreatePoolingDescriptor)
CREATES(cudnnCreateRNNDataDescriptor)
CREATES(cudnnCreateRNNDescriptor)
CREATES(cudnnCreateReduceTensorDescriptor)
CREATES(cudnnCreateTensorDescriptor)
KERNEL(cudnnActivationForward)
KERNEL(cudnnAddTensor)
KERNEL(cudnnBatchNormalizationForwardInference)
KERNEL(cudnnBatchNormalizationForwardTraining)
KERNEL(cudnnConvolutionBiasActivationForward)
KERNEL(cudnnConvolutionForward)
KERNEL(cudnnFindConvolutionForwardAlgorithmEx)
KERNEL(cudnnLRNCrossChannelForward)
KERNEL(cudnnPoolingForward)
KERNEL(cudnnRNNForward)
KERNEL(cudnnReduceTensor)
KERNEL(cudnnSoftmaxForward)
SUCCEEDS(cudnnDeriveBNTensorDescriptor)
SUCCEEDS(cudnnDestroyActivationDescriptor)
SUCCEEDS(cudnnDestroyConvolutionDescriptor)
SUCCEEDS(cudnnDestroyDropoutDescriptor)
SUCCEEDS(cudnnDestroyFilterDescriptor)
SUCCEEDS(cudnnDestroyLRNDescriptor)
SUCCEEDS(cudnnDestroyPoolingDescriptor)
SUCCEEDS(cudnnDestroyRNNDataDescriptor)
SUCCEEDS(cudnnDestroyRNNDescriptor)
SUCCEEDS(cudnnDestroyReduceTensorDescriptor)
SUCCEEDS(cudnnDestroyTensorDescriptor)
SUCCEEDS(cudnnDropoutGetStatesSize)
SUCCEEDS(cudnnGetConvolutionForwardAlgorithm_v7)
SUCCEEDS(cudnnGetConvolutionForwardWorkspaceSize)
SUCCEEDS(cudnnGetRNNTempSpaceSizes)
SUCCEEDS(cudnnGetRNNWeightParams)
SUCCEEDS(cudnnGetReductionIndicesSize)
SUCCEEDS(cudnnGetReductionWorkspaceSize)
SUCCEEDS(cudnnGetTensorNdDescriptor)
SUCCEEDS(cudnnSetActivationDescriptor)
SUCCEEDS(cudnnSetConvolutionGroupCount)
SUCCEEDS(cudnnSetConvolutionMathType)
SUCCEEDS(cudnnSetConvolutionNdDescriptor)
SUCCEEDS(cudnnSetDropoutDescriptor)
SUCCEEDS(cudnnSetFilterNdDescriptor)
SUCCEEDS(cudnnSetLRNDescriptor)
SUCCEEDS(cudnnSetPoolingNdDescriptor)
SUCCEEDS(cudnnSetRNNDataDescriptor)
SUCCEEDS(cudnnSetRNNDescriptor_v8)
SUCCEEDS(cudnnSetReduceTensorDescriptor)
SUCCEEDS(cudnnSetTensorNdDescriptor)
}
