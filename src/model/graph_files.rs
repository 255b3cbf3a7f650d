//! The files of a graph: `model.onnx` and those that belong to it.

use std::path::{Path, PathBuf};

use super::onnx_file::OnnxFile;
use super::{ModelError, files};

/// A graph in a folder of its own.
#[derive(Debug)]
pub(super) struct GraphFiles {
    /// `model.onnx`.
    pub model: PathBuf,
    /// Files with weights outside `model.onnx`.
    pub external: Vec<PathBuf>,
    /// Size of the graph and its weights in bytes.
    pub bytes: u64,
}

impl GraphFiles {
    /// Reads the graph of a part of a model, whose weights must be inside `root`; also returns the graph's facts.
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

    /// All files that can change what the graph computes, including its configuration.
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths = vec![self.model.clone(), self.model.with_file_name("config.json")];
        paths.extend_from_slice(&self.external);
        paths
    }
}
