//! The files of one graph: `model.onnx` and what belongs to it.

use std::path::{Path, PathBuf};

use super::onnx_file::OnnxFile;
use super::{ModelError, files};

/// A graph in a folder of its own.
#[derive(Debug)]
pub(super) struct GraphFiles {
    /// `model.onnx`.
    pub model: PathBuf,
    /// Where its weights lie, if not in it.
    pub external: Vec<PathBuf>,
    /// Of the graph and its weights.
    pub bytes: u64,
}

impl GraphFiles {
    /// Reads the graph of a part of a model, whose weights must be inside `root`; gives what it says beside.
    pub fn read(root: &Path, part: &str) -> Result<(Self, OnnxFile), ModelError> {
        let model = root.join(part).join("model.onnx");
        let mut bytes = files::size(&model)?;
        let facts = OnnxFile::read(&model)?;
        let mut external = Vec::new();
        for location in &facts.external {
            let path = files::external(root, &model, location)?;
            bytes += files::size(&path)?;
            external.push(path);
        }
        let files = Self {
            model,
            external,
            bytes,
        };
        Ok((files, facts))
    }

    /// All that can change what the graph computes, its configuration included.
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths = vec![self.model.clone(), self.model.with_file_name("config.json")];
        paths.extend_from_slice(&self.external);
        paths
    }
}
