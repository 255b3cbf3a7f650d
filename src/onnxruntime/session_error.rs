//! Errors of ONNX Runtime when it loads or runs a graph.

use std::path::{Path, PathBuf};

use super::message::plain;

/// A failure of one session.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum SessionError {
    /// The session could not be created.
    #[error("ONNX Runtime cannot load {}: {message}", path.display())]
    #[diagnostic(help("{}", load_help(message, *out_of_memory)))]
    Load {
        /// The ONNX file.
        path: PathBuf,
        /// ONNX Runtime's message.
        message: String,
        /// Whether memory ran out.
        out_of_memory: bool,
    },
    /// A call failed.
    #[error("{part} failed: {message}")]
    #[diagnostic(help("{}", run_help(*out_of_memory)))]
    Run {
        /// The component.
        part: &'static str,
        /// ONNX Runtime's message, or what was wrong with its output.
        message: String,
        /// Whether memory ran out.
        out_of_memory: bool,
    },
}

impl SessionError {
    /// The error for a session that ONNX Runtime could not create.
    pub(super) fn load(path: &Path, error: &ort::Error) -> Self {
        let message = plain(error.message());
        Self::Load {
            path: path.to_owned(),
            out_of_memory: says_out_of_memory(&message),
            message,
        }
    }

    /// The error for a failed call of ONNX Runtime.
    pub(super) fn run(part: &'static str, error: &ort::Error) -> Self {
        Self::Run {
            part,
            message: plain(error.message()),
            out_of_memory: says_out_of_memory(error.message()),
        }
    }

    /// The error for a component's wrong output, with our own message.
    pub(crate) fn wrong(part: &'static str, message: String) -> Self {
        Self::Run {
            part,
            message,
            out_of_memory: false,
        }
    }

    /// Whether memory ran out, so that a smaller batch may succeed.
    pub fn is_out_of_memory(&self) -> bool {
        match self {
            Self::Load { out_of_memory, .. } | Self::Run { out_of_memory, .. } => *out_of_memory,
        }
    }
}

/// Whether a message of ONNX Runtime, CUDA or the C++ library says that memory ran out. Error codes do not tell: ONNX
/// Runtime returns `RUNTIME_EXCEPTION` and `FAIL` for this and for much else.
fn says_out_of_memory(message: &str) -> bool {
    const SIGNS: [&str; 14] = [
        // ONNX Runtime's arena: the device has no more, or the arena's own limit is reached.
        "failed to allocate memory",
        "is smaller than requested bytes of",
        // CUDA's runtime and driver, cuDNN 8 and 9, cuBLAS, cuFFT.
        "out of memory",
        "error_out_of_memory",
        "cublas_status_alloc_failed",
        "cudnn_status_alloc_failed",
        "device_allocation_failed",
        "cufft_alloc_failed",
        // WebGPU: error 3 is about memory; a tensor larger than a buffer may be is refused, or passed to a shader in too
        // many pieces.
        "webgpu device error(3)",
        "exceeds the max buffer size limit",
        "too many storage buffers in shader",
        // The C library and the C++ libraries of Linux and Windows.
        "cannot allocate memory",
        "bad_alloc",
        "bad allocation",
    ];
    let message = message.to_lowercase();
    SIGNS.iter().any(|sign| message.contains(sign))
}

fn load_help(message: &str, out_of_memory: bool) -> &'static str {
    if out_of_memory {
        "raise memory_limit_mib if there is one, close other programs, or take a float16 model"
    } else if message.contains("cannot open shared object file") {
        "a library of CUDA or cuDNN is missing: run `ip2p setup --cuda`"
    } else if message.contains("providers_cuda") {
        "the CUDA provider does not load: update the NVIDIA driver (580 or newer), run `ip2p setup --cuda`, or set device = \"cpu\" under [runtime]"
    } else if message.contains("not enabled in this build") {
        "this ONNX Runtime was built without CUDA: run `ip2p setup --cuda`, or set device = \"cpu\" under [runtime]"
    } else if message.contains("requires f16") {
        "this GPU does not compute in float16: take a float32 model"
    } else if message.contains("opset") || message.contains("IR version") {
        "the model is newer than this ONNX Runtime: run `ip2p setup`"
    } else {
        "run `ip2p doctor` on the model folder; export the model again if a file is damaged"
    }
}

fn run_help(out_of_memory: bool) -> &'static str {
    if out_of_memory {
        "raise memory_limit_mib if there is one, close other programs, or take smaller images"
    } else {
        "run `ip2p doctor` on the model folder; try device = \"cpu\" to see whether the device is at fault"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exhausted_memory_is_told_by_the_words_of_each_library() {
        for message in [
            "BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 4294967296",
            "CUDA failure 2: out of memory ; GPU=0",
            "std::bad_alloc",
            "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED",
            // As users report them from runs on GPUs and with limited arenas, with file positions shortened.
            "Non-zero status code returned while running Conv node. Name:'/patch_embed/Conv' Status Message: \
             bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*, \
             bool, onnxruntime::WaitNotificationFn) Failed to allocate memory for requested buffer of size 2830172160",
            "Non-zero status code returned while running MatMul node. Name:'/attn1/MatMul' Status Message: \
             bfc_arena.cc:360 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) \
             Available memory of 31251968 is smaller than requested bytes of 1073741824",
            "CUDA failure 2: out of memory ; GPU=0 ; hostname=node ; file=cuda_allocator.cc ; line=48 ; \
             expr=cudaMalloc((void**)&p, size);",
            "Exception during initialization: cuda_call.cc:121 CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; \
             hostname=node ; file=cuda_execution_provider.cc ; line=164 ; expr=cublasCreate(&cublas_handle_);",
            "CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=node ; expr=cudnnCreate(&cudnn_handle_);",
            "CUDNN failure 4003: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0",
            "CUFFT failure 2: CUFFT_ALLOC_FAILED ; GPU=0",
            "WebGPU device error(3): Allocation size too large - While calling [Device].CreateBuffer([BufferDescriptor]).",
            "shader_helper.cc:306 numbers_storage_buffers_ <= limits_.maxStorageBuffersPerShaderStage was false. Too many \
             storage buffers in shader. Current: 194, Max is 12",
            "CUDA_ERROR_OUT_OF_MEMORY",
            "bad allocation",
            "mmap: Cannot allocate memory",
        ] {
            assert!(says_out_of_memory(message), "{message}");
        }
        for message in [
            "Got invalid dimensions for input: sample",
            // Codes that come with exhausted memory, here in other situations.
            "CUDNN failure 4: CUDNN_STATUS_INTERNAL_ERROR ; GPU=0 ; expr=cudnnFindConvolutionForwardAlgorithmEx(...);",
            "CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; expr=cudaStreamSynchronize(stream)",
            "CUBLAS failure 14: CUBLAS_STATUS_INTERNAL_ERROR ; GPU=0",
            "not enough space: expected 318080, got 314240",
        ] {
            assert!(!says_out_of_memory(message), "{message}");
        }
    }
}
