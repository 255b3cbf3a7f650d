// cuBLASLt: descriptors, and products that compute nothing.
#include "stand_in.h"

#define SUCCEEDS(name) \
  int name() { return 0; }
// The caller hands it back to a destroyer that is given nothing else, so it stays: a few hundred bytes.
#define CREATES(name)       \
  int name(void** created) { \
    *created = malloc(256); \
    return 0;               \
  }
#define KERNEL(name)    \
  int name() {          \
    count_kernel(#name); \
    return 0;           \
  }

extern "C" {
int cublasLtCreate(void** handle) {
  *handle = malloc(64);
  return 0;
}
int cublasLtDestroy(void* handle) {
  free(handle);
  return 0;
}
// One algorithm, whatever is asked.
int cublasLtMatmulAlgoGetHeuristic(void*, void*, void*, void*, void*, void*, void*, int most, void*, int* found) {
  *found = most > 0;
  return 0;
}
KERNEL(cublasLtMatmul)
KERNEL(cublasLtMatrixTransform)
CREATES(cublasLtMatmulDescCreate)
CREATES(cublasLtMatmulPreferenceCreate)
CREATES(cublasLtMatrixLayoutCreate)
CREATES(cublasLtMatrixTransformDescCreate)
SUCCEEDS(cublasLtMatmulAlgoConfigSetAttribute)
SUCCEEDS(cublasLtMatmulAlgoInit)
SUCCEEDS(cublasLtMatmulDescDestroy)
SUCCEEDS(cublasLtMatmulDescSetAttribute)
SUCCEEDS(cublasLtMatmulPreferenceDestroy)
SUCCEEDS(cublasLtMatmulPreferenceSetAttribute)
SUCCEEDS(cublasLtMatrixLayoutDestroy)
SUCCEEDS(cublasLtMatrixLayoutSetAttribute)
SUCCEEDS(cublasLtMatrixTransformDescDestroy)
}
