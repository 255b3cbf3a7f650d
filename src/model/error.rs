//! What can be wrong with a model folder, or go wrong while it runs.

use std::path::{Path, PathBuf};

use crate::diffusion::DeviceMemory;
use crate::diffusion::SchedulerError;
use crate::onnxruntime::{RuntimeError, SessionError};

/// Shared remedy: what a model folder must look like.
const EXPORT: &str = "export the model with `ip2p export` or `optimum-cli export onnx --task image-to-image`, and give the folder that holds unet/, vae_encoder/, vae_decoder/ and text_encoder/";

/// An unusable model folder, or a failure of one of its components.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum ModelError {
    /// The folder is not there.
    #[error("model folder {} does not exist", path.display())]
    #[diagnostic(help(
        "check the path; `ip2p export timbrooks/instruct-pix2pix --out {}` makes a model there", path.display()
    ))]
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
    /// A file is not the one whose digest was taken.
    #[error("{} was changed while the sweep ran", path.display())]
    #[diagnostic(help(
        "run again: cells that are done are kept, the others are computed with what is there now"
    ))]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The scheduler's configuration is of no use.
    #[error("model folder {}: {source}", path.display())]
    Scheduler {
        /// The model folder.
        path: PathBuf,
        /// What is wrong with it.
        #[diagnostic_source]
        source: SchedulerError,
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
    /// A UNet of no kind that is known here.
    #[error("{} has a UNet with {channels} input channels, not {expected}", path.display())]
    #[diagnostic(help(
        "take an InstructPix2Pix, a text-to-image or an inpainting model of Stable Diffusion 1 or 2"
    ))]
    OtherChannels {
        /// The model folder.
        path: PathBuf,
        /// Input channels.
        channels: usize,
        /// What is known, in words.
        expected: String,
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
    /// A component that ONNX Runtime cannot load or run.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Session(#[from] SessionError),
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
        "give a folder that `ip2p export --clip` has written, or export the model again"
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
        let differs = matches!(
            self,
            Self::Missing { .. }
                | Self::NoTokenizer { .. }
                | Self::Value { .. }
                | Self::Onnx { .. }
                | Self::Graph { .. }
        );
        match differs {
            true => Self::Clip(Box::new(self)),
            false => self,
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
        matches!(self, Self::Session(error) if error.is_out_of_memory())
    }
}
