//! What can be wrong with a model folder, or go wrong while it runs.

use std::path::{Path, PathBuf};

use super::runtime::RuntimeError;
use crate::engine::DeviceMemory;

/// Shared remedy: what a model folder must look like.
const EXPORT: &str = "export the model with `python onnx/export.py` or `optimum-cli export onnx --task image-to-image`, and give the folder that holds unet/, vae_encoder/, vae_decoder/ and text_encoder/";

/// An unusable model folder, or a failure of one of its components.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum ModelError {
    /// The folder is not there.
    #[error("model folder {} does not exist", path.display())]
    #[diagnostic(help("check the path; it is relative to the current folder"))]
    NoFolder {
        /// As given.
        path: PathBuf,
    },
    /// A file or folder stands where the other is needed.
    #[error("{} is not a folder", path.display())]
    #[diagnostic(help("give the folder of the export, not a file in it"))]
    NotAFolder {
        /// As given.
        path: PathBuf,
    },
    /// A part of the model is not there.
    #[error("{} is missing", path.display())]
    #[diagnostic(help("{EXPORT}"))]
    Missing {
        /// What was looked for.
        path: PathBuf,
    },
    /// Neither form of tokenizer is there.
    #[error("{} holds neither tokenizer.json nor vocab.json with merges.txt", path.display())]
    #[diagnostic(help("copy the tokenizer folder of the original model there"))]
    NoTokenizer {
        /// The tokenizer folder.
        path: PathBuf,
    },
    /// A file of zero bytes.
    #[error("{} is empty", path.display())]
    #[diagnostic(help("its download or export broke off: fetch it again"))]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A Git LFS pointer stands for the real file.
    #[error("{} is a Git LFS pointer, not the file itself", path.display())]
    #[diagnostic(help("run `git lfs pull` in the model's repository, or download the file"))]
    LfsPointer {
        /// The file.
        path: PathBuf,
    },
    /// Reading failed.
    #[error("cannot read {}: {source}", path.display())]
    #[diagnostic(help("check that the file exists and that you may read it"))]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Text that is not the JSON it should be.
    #[error("{} is not valid JSON: {source}", path.display())]
    #[diagnostic(help("fetch the file again from where the model comes from"))]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's reason, with line and column.
        source: serde_json::Error,
    },
    /// A value that cannot be.
    #[error("{}: {key} {problem}", path.display())]
    #[diagnostic(help("compare the file with the one of the original model"))]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What is wrong with its value.
        problem: String,
    },
    /// The two VAE halves come from different models.
    #[error("{} and vae_decoder/config.json differ in {key}", path.display())]
    #[diagnostic(help("take vae_encoder and vae_decoder from one export"))]
    VaeMismatch {
        /// The encoder's configuration.
        path: PathBuf,
        /// What differs.
        key: &'static str,
    },
    /// A UNet without channels for the input image.
    #[error("{} has a UNet with {channels} input channels: this is a text-to-image model", path.display())]
    #[diagnostic(help("take an InstructPix2Pix model; its UNet has {} input channels", channels * 2))]
    TextToImage {
        /// The model folder.
        path: PathBuf,
        /// Input channels.
        channels: usize,
    },
    /// A UNet with channels for a mask.
    #[error("{} has a UNet with {channels} input channels: this is an inpainting model", path.display())]
    #[diagnostic(help("take an InstructPix2Pix model; its UNet has {} input channels", channels - 1))]
    Inpainting {
        /// The model folder.
        path: PathBuf,
        /// Input channels.
        channels: usize,
    },
    /// Some other UNet.
    #[error("{} has a UNet with {channels} input channels, not the {expected} of InstructPix2Pix", path.display())]
    #[diagnostic(help("take an InstructPix2Pix model"))]
    OtherChannels {
        /// The model folder.
        path: PathBuf,
        /// Input channels.
        channels: usize,
        /// Twice the latent channels.
        expected: usize,
    },
    /// A model of another family.
    #[error("{} has two text encoders: this is a Stable Diffusion XL model", path.display())]
    #[diagnostic(help(
        "take a model of the Stable Diffusion 1 or 2 family, such as timbrooks/instruct-pix2pix"
    ))]
    TwoTextEncoders {
        /// The model folder.
        path: PathBuf,
    },
    /// An ONNX file that cannot be walked.
    #[error("{} is not an ONNX model: {problem}", path.display())]
    #[diagnostic(help("its download or export broke off: fetch it again"))]
    Onnx {
        /// The file.
        path: PathBuf,
        /// What was met.
        problem: String,
    },
    /// Weights that would be read from somewhere else on the disk.
    #[error("{} keeps weights in {location:?}, outside its folder", path.display())]
    #[diagnostic(help(
        "move the weights beside model.onnx and save the model again; models from strangers that do this are not to be trusted"
    ))]
    ExternalDataOutside {
        /// The ONNX file.
        path: PathBuf,
        /// The location as written in it.
        location: String,
    },
    /// A graph that does not take or give what the component should.
    #[error("{}: {problem}", path.display())]
    #[diagnostic(help("{EXPORT}"))]
    Graph {
        /// The ONNX file.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
    /// Files of a tokenizer that do not make one.
    #[error("{} does not make a tokenizer: {problem}", path.display())]
    #[diagnostic(help("copy the tokenizer folder of the original model there"))]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// The reason.
        problem: String,
    },
    /// A text that the tokenizer could not encode.
    #[error("cannot tokenize {text:?}: {problem}")]
    #[diagnostic(help("shorten the text, or remove unusual characters"))]
    Tokenize {
        /// The text.
        text: String,
        /// The reason.
        problem: String,
    },
    /// ONNX Runtime could not make a session.
    #[error("ONNX Runtime cannot load {}: {message}", path.display())]
    #[diagnostic(help("{}", session_help(message, *out_of_memory)))]
    Session {
        /// The ONNX file.
        path: PathBuf,
        /// ONNX Runtime's words.
        message: String,
        /// Whether memory ran out.
        out_of_memory: bool,
    },
    /// ONNX Runtime failed in a component.
    #[error("{part} failed: {message}")]
    #[diagnostic(help("{}", run_help(*out_of_memory)))]
    Inference {
        /// Which component.
        part: &'static str,
        /// ONNX Runtime's words, or what was wrong with its answer.
        message: String,
        /// Whether memory ran out.
        out_of_memory: bool,
    },
    /// ONNX Runtime could not multiply matrices, which `ip2p bench` holds the UNet against.
    #[error("ONNX Runtime cannot multiply matrices: {message}")]
    #[diagnostic(help("run `ip2p doctor`"))]
    Products {
        /// ONNX Runtime's words.
        message: String,
        /// Whether memory ran out.
        out_of_memory: bool,
    },
    /// A limit that no run can keep.
    #[error(
        "runtime.memory_limit_mib is {limit_mib}, but {part} alone has {weights_mib} MiB of weights"
    )]
    #[diagnostic(help(
        "raise memory_limit_mib to {} or more, leave it out, or take a float16 model",
        weights_mib + weights_mib / 2
    ))]
    MemoryLimit {
        /// As given.
        limit_mib: u64,
        /// The largest component.
        part: &'static str,
        /// The size of its weights, rounded up.
        weights_mib: u64,
    },
    /// A CLIP folder that is not what `measures.clip` needs.
    #[error("{0}")]
    #[diagnostic(help(
        "give a folder that `onnx/export_clip.py` has written, or export the model again"
    ))]
    Clip(Box<ModelError>),
    /// The runtime itself is unusable.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Runtime(#[from] RuntimeError),
}

impl ModelError {
    /// This error, of a CLIP folder: the remedies for a part that is missing or of another kind differ.
    pub(super) fn of_clip(self) -> Self {
        match self {
            Self::Missing { .. }
            | Self::NoTokenizer { .. }
            | Self::Value { .. }
            | Self::Onnx { .. }
            | Self::Graph { .. } => Self::Clip(Box::new(self)),
            other => other,
        }
    }

    /// A read error of `path`, or [`ModelError::Missing`] if that is what it is.
    pub(super) fn reading(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            std::io::ErrorKind::NotFound => Self::Missing { path },
            _ => Self::Read { path, source },
        }
    }
}

impl DeviceMemory for ModelError {
    fn is_out_of_memory(&self) -> bool {
        match self {
            Self::Session { out_of_memory, .. }
            | Self::Inference { out_of_memory, .. }
            | Self::Products { out_of_memory, .. } => *out_of_memory,
            _ => false,
        }
    }
}

/// Whether words of ONNX Runtime, CUDA or the C++ library say that memory ran out. Their codes do not tell:
/// ONNX Runtime gives `RUNTIME_EXCEPTION` and `FAIL` for this as for much else.
pub(super) fn says_out_of_memory(message: &str) -> bool {
    const SIGNS: [&str; 11] = [
        // ONNX Runtime's arena: the device gave no more; its own limit is reached.
        "failed to allocate memory",
        "is smaller than requested bytes of",
        // CUDA's runtime and driver, cuDNN 8 and 9, cuBLAS, cuFFT.
        "out of memory",
        "error_out_of_memory",
        "cublas_status_alloc_failed",
        "cudnn_status_alloc_failed",
        "device_allocation_failed",
        "cufft_alloc_failed",
        // The C library and the C++ libraries of Linux and Windows.
        "cannot allocate memory",
        "bad_alloc",
        "bad allocation",
    ];
    let message = message.to_lowercase();
    SIGNS.iter().any(|sign| message.contains(sign))
}

fn session_help(message: &str, out_of_memory: bool) -> &'static str {
    if out_of_memory {
        "raise memory_limit_mib if there is one, close other programs, or take a float16 model"
    } else if message.contains("cannot open shared object file") {
        "a library of CUDA or cuDNN is missing: run `ip2p setup --cuda`"
    } else if message.contains("providers_cuda") {
        "the CUDA provider does not load: update the NVIDIA driver (580 or newer), run `ip2p setup --cuda`, or set device = \"cpu\" under [runtime]"
    } else if message.contains("not enabled in this build") {
        "this ONNX Runtime was built without CUDA: run `ip2p setup --cuda`, or set device = \"cpu\" under [runtime]"
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
            // As users report them from runs on GPUs and capped arenas, file positions shortened.
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
            "CUDA_ERROR_OUT_OF_MEMORY",
            "bad allocation",
            "mmap: Cannot allocate memory",
        ] {
            assert!(says_out_of_memory(message), "{message}");
        }
        for message in [
            "Got invalid dimensions for input: sample",
            // The codes that exhausted memory comes with, on other occasions.
            "CUDNN failure 4: CUDNN_STATUS_INTERNAL_ERROR ; GPU=0 ; expr=cudnnFindConvolutionForwardAlgorithmEx(...);",
            "CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; expr=cudaStreamSynchronize(stream)",
            "CUBLAS failure 14: CUBLAS_STATUS_INTERNAL_ERROR ; GPU=0",
            "not enough space: expected 318080, got 314240",
        ] {
            assert!(!says_out_of_memory(message), "{message}");
        }
    }
}
