//! Errors of model folders and of running models.

use std::path::{Path, PathBuf};

use crate::diffusion::DeviceMemory;
use crate::diffusion::SchedulerError;
use crate::onnxruntime::{RuntimeError, SessionError};

/// A remedy used by several errors: what a model folder must look like.
const EXPORT: &str = "export the model with `ip2p export` or `optimum-cli export onnx --task image-to-image`, and give the folder that holds unet/, vae_encoder/, vae_decoder/ and text_encoder/";

/// A model folder is unusable, or one of its components failed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum ModelError {
    /// The folder does not exist.
    #[error("model folder {} does not exist", path.display())]
    #[diagnostic(help(
        "check the path; `ip2p export timbrooks/instruct-pix2pix --out {}` makes a model there", path.display()
    ))]
    NoFolder {
        /// The path as given.
        path: PathBuf,
    },
    /// The path is a file instead of a folder, or the other way round.
    #[error("{} is not a folder", path.display())]
    #[diagnostic(help("give the folder of the export, not a file in it"))]
    NotAFolder {
        /// The path as given.
        path: PathBuf,
    },
    /// A part of the model is missing.
    #[error("{} is missing", path.display())]
    #[diagnostic(help("{EXPORT}"))]
    Missing {
        /// The missing file or folder.
        path: PathBuf,
    },
    /// The model has no tokenizer in either form.
    #[error("{} holds neither tokenizer.json nor vocab.json with merges.txt", path.display())]
    #[diagnostic(help("copy the tokenizer folder of the original model there"))]
    NoTokenizer {
        /// The tokenizer folder.
        path: PathBuf,
    },
    /// The file has no bytes.
    #[error("{} is empty", path.display())]
    #[diagnostic(help("its download or export was interrupted: fetch it again"))]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is only a Git LFS pointer to the real one.
    #[error("{} is a Git LFS pointer, not the file itself", path.display())]
    #[diagnostic(help("run `git lfs pull` in the model's repository, or download the file"))]
    LfsPointer {
        /// The file.
        path: PathBuf,
    },
    /// The file is not the one whose digest was taken.
    #[error("{} was changed while the sweep ran", path.display())]
    #[diagnostic(help(
        "run again: finished cells are kept, the others are computed with the files as they are now"
    ))]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The scheduler's configuration cannot be used.
    #[error("model folder {}: {source}", path.display())]
    Scheduler {
        /// The model folder.
        path: PathBuf,
        /// What is wrong with it.
        #[diagnostic_source]
        source: SchedulerError,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    #[diagnostic(help("check that the file exists and that you may read it"))]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The file is not valid JSON.
    #[error("{} is not valid JSON: {source}", path.display())]
    #[diagnostic(help("fetch the file again from where the model comes from"))]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's error, with line and column.
        source: serde_json::Error,
    },
    /// A value is not valid.
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
    /// The two halves of the VAE come from different models.
    #[error("{} and vae_decoder/config.json differ in {key}", path.display())]
    #[diagnostic(help("take vae_encoder and vae_decoder from one export"))]
    VaeMismatch {
        /// The encoder's configuration.
        path: PathBuf,
        /// The key in which they differ.
        key: &'static str,
    },
    /// The UNet belongs to no known kind of model.
    #[error("{} has a UNet with {channels} input channels, not {expected}", path.display())]
    #[diagnostic(help(
        "take an InstructPix2Pix, a text-to-image or an inpainting model of Stable Diffusion 1 or 2"
    ))]
    OtherChannels {
        /// The model folder.
        path: PathBuf,
        /// Number of its input channels.
        channels: usize,
        /// The supported numbers, in words.
        expected: String,
    },
    /// The model belongs to another family.
    #[error("{} has two text encoders: this is a Stable Diffusion XL model", path.display())]
    #[diagnostic(help(
        "take a model of the Stable Diffusion 1 or 2 family, such as timbrooks/instruct-pix2pix"
    ))]
    TwoTextEncoders {
        /// The model folder.
        path: PathBuf,
    },
    /// The ONNX file cannot be parsed.
    #[error("{} is not an ONNX model: {problem}", path.display())]
    #[diagnostic(help("its download or export was interrupted: fetch it again"))]
    Onnx {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// The weights would be read from outside the model folder.
    #[error("{} keeps weights in {location:?}, outside its folder", path.display())]
    #[diagnostic(help(
        "move the weights beside model.onnx and save the model again; do not trust a stranger's model that does this"
    ))]
    ExternalDataOutside {
        /// The ONNX file.
        path: PathBuf,
        /// The location as written in it.
        location: String,
    },
    /// A graph's inputs or outputs do not fit its component.
    #[error("{}: {problem}", path.display())]
    #[diagnostic(help("{EXPORT}"))]
    Graph {
        /// The ONNX file.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
    /// The tokenizer's files are not valid.
    #[error("{} is not a valid tokenizer file: {problem}", path.display())]
    #[diagnostic(help("copy the tokenizer folder of the original model there"))]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// The reason.
        problem: String,
    },
    /// A text cannot be encoded.
    #[error("cannot tokenize {text:?}: {problem}")]
    #[diagnostic(help("shorten the text, or remove unusual characters"))]
    Tokenize {
        /// The text.
        text: String,
        /// The reason.
        problem: String,
    },
    /// ONNX Runtime cannot load or run a component.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Session(#[from] SessionError),
    /// A memory limit is too small for any run.
    #[error(
        "runtime.memory_limit_mib is {limit_mib}, but {part} alone has {weights_mib} MiB of weights"
    )]
    #[diagnostic(help(
        "raise memory_limit_mib to {} or more, leave it out, or take a float16 model",
        weights_mib + weights_mib / 2
    ))]
    MemoryLimit {
        /// The limit in MiB, as given.
        limit_mib: u64,
        /// The largest component.
        part: &'static str,
        /// The size of its weights in MiB, rounded up.
        weights_mib: u64,
    },
    /// The CLIP folder is not one that `measures.clip` can use.
    #[error("{0}")]
    #[diagnostic(help(
        "give a folder that `ip2p export --clip` has written, or export the model again"
    ))]
    Clip(Box<ModelError>),
    /// The runtime itself cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Runtime(#[from] RuntimeError),
}

impl ModelError {
    /// Turns it into an error of a CLIP folder, for which the remedies for missing or mismatched parts differ.
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

    /// The error for a failed read of `path`; [`ModelError::Missing`] if the file does not exist.
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
