//! A CLIP folder: everything that can be checked before a runtime is loaded.

use std::path::{Path, PathBuf};

use super::Preprocessing;
use crate::model::config::{TextConfig, context_length};
use crate::model::graph::ClipCalls;
use crate::model::graph_files::GraphFiles;
use crate::model::stamps::Stamps;
use crate::model::tokenizer::{Tokenizer, TokenizerFolder};
use crate::model::{KnownDigests, ModelError, files};

const PREPROCESSING: &str = "preprocessor_config.json";

/// The two encoders of CLIP, in the order they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoder {
    /// Turns a text into an embedding.
    Text,
    /// Turns pixels into an embedding.
    Image,
}

impl Encoder {
    /// Both encoders.
    pub const ALL: [Self; 2] = [Self::Text, Self::Image];

    /// The encoder's subfolder in a CLIP folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Text => "text_encoder",
            Self::Image => "image_encoder",
        }
    }

    /// The encoder's name in error messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "CLIP's text_encoder",
            Self::Image => "CLIP's image_encoder",
        }
    }
}

/// A complete and consistent CLIP model in the layout that `ip2p export --clip` writes.
#[derive(Debug)]
pub struct ClipFolder {
    path: PathBuf,
    preprocessing: Preprocessing,
    context_length: usize,
    tokenizer: TokenizerFolder,
    calls: ClipCalls,
    graphs: [GraphFiles; 2],
    /// Stamps of every file that the digest covers, from before the digest was taken.
    stamps: Stamps,
}

impl ClipFolder {
    /// Whether a folder is meant to be a CLIP folder, complete or not. (A pipeline may have an image encoder, too.)
    pub fn is_in(path: &Path) -> bool {
        let has = |part: &str| path.join(part).exists();
        has(PREPROCESSING) || (has(Encoder::Image.folder()) && !has("model_index.json"))
    }

    /// Reads and checks the folder at `path`, without ONNX Runtime.
    ///
    /// # Errors
    /// If a file is missing, invalid or of another kind, or a path leads outside the folder.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::read(path.as_ref()).map_err(ModelError::of_clip)
    }

    fn read(path: &Path) -> Result<Self, ModelError> {
        let text = TextConfig::read(&path.join("text_encoder/config.json"))?;
        let preprocessing = Preprocessing::read(&path.join(PREPROCESSING))?;
        let tokenizer = TokenizerFolder::find(path)?;
        let context_length = context_length(path, &text)?;
        let (text, text_file) = GraphFiles::read(path, Encoder::Text.folder())?;
        let (image, image_file) = GraphFiles::read(path, Encoder::Image.folder())?;
        let calls = ClipCalls::check(
            &(text.model.clone(), text_file),
            &(image.model.clone(), image_file),
            context_length,
            preprocessing.output_size(),
        )?;
        let graphs = [text, image];
        let stamps = Stamps::take(paths(path, &graphs, &tokenizer))?;
        Ok(Self {
            stamps,
            path: path.to_owned(),
            preprocessing,
            context_length,
            tokenizer,
            calls,
            graphs,
        })
    }

    /// How images are prepared.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// Number of tokens of a text, including start and end marks.
    pub fn context_length(&self) -> usize {
        self.context_length
    }

    /// Size of an encoder's graph and weights on disk in bytes, which is close to the memory it takes.
    pub fn encoder_bytes(&self, encoder: Encoder) -> u64 {
        self.graphs[encoder as usize].bytes
    }

    /// Reads its tokenizer.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] or [`ModelError::Json`] if the tokenizer's files are not valid.
    pub fn tokenizer(&self) -> Result<Tokenizer, ModelError> {
        Tokenizer::read(&self.tokenizer, self.context_length)
    }

    /// SHA-256, in hexadecimal, over all files that can change a measure. Reads every byte of files whose digests are
    /// not known.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn digest(&self, known: &KnownDigests) -> Result<String, ModelError> {
        let paths = paths(&self.path, &self.graphs, &self.tokenizer);
        let digest = files::digest(&self.path, &paths, known)?;
        self.unchanged()?;
        Ok(digest)
    }

    /// Checks that the files are still those of the digest.
    ///
    /// # Errors
    /// [`ModelError::Changed`] with the first file that was changed or removed.
    pub fn unchanged(&self) -> Result<(), ModelError> {
        self.stamps.check()
    }

    /// The ONNX file of an encoder.
    pub(super) fn model_file(&self, encoder: Encoder) -> &Path {
        &self.graphs[encoder as usize].model
    }

    /// The inputs and outputs of the graphs.
    pub(super) fn calls(&self) -> &ClipCalls {
        &self.calls
    }
}

/// All files that can change a measure.
fn paths(root: &Path, graphs: &[GraphFiles], tokenizer: &TokenizerFolder) -> Vec<PathBuf> {
    let mut paths = vec![root.join(PREPROCESSING)];
    paths.extend(graphs.iter().flat_map(GraphFiles::paths));
    paths.extend(tokenizer.paths());
    paths
}
