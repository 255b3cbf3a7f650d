// cuBLAS: handles, and products that compute nothing.
#include "stand_in.h"

#define SUCCEEDS(name) \
  int name() { return 0; }
#define KERNEL(name)    \
  int name() {          \
    count_kernel(#name); \
    return 0;           \
  }

extern "C" {
int cublasCreate_v2(void** handle) {
  *handle = malloc(64);
  return 0;
}
int cublasDestroy_v2(void* handle) {
  free(handle);
  return 0;
}
int cublasGetMathMode(void*, int* mode) {
  *mode = 0;
  return 0;
}
const char* cublasGetStatusName(int) { return "CUBLAS_STATUS_STAND_IN"; }
const char* cublasGetStatusString(int) { return "the stand-in's status"; }
// CUBLAS_TF32_TENSOR_OP_MATH is 3.
int cublasSetMathMode(void*, int mode) {
  if (mode == 3) count_tf32();
  return 0;
}
SUCCEEDS(cublasSetStream_v2)
KERNEL(cublasDgeam)
KERNEL(cublasDgemmBatched)
KERNEL(cublasDgemmStridedBatched)
KERNEL(cublasDgemm_v2)
KERNEL(cublasDgetrfBatched)
KERNEL(cublasDgetriBatched)
KERNEL(cublasGemmBatchedEx)
KERNEL(cublasGemmEx)
KERNEL(cublasGemmStridedBatchedEx)
KERNEL(cublasScopy_v2)
KERNEL(cublasSgeam)
KERNEL(cublasSgemmBatched)
KERNEL(cublasSgemmStridedBatched)
KERNEL(cublasSgemm_v2)
KERNEL(cublasSgetrfBatched)
KERNEL(cublasSgetriBatched)
KERNEL(cublasSscal_v2)
}
