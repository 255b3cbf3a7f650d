//! What the integration tests share: where the golden data lies, and how to read it.
#![allow(dead_code)] // Each test file uses its own part.

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, IxDyn};
use safetensors::SafeTensors;

/// A file of the golden data.
pub fn golden(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(path)
}

/// A JSON file of the golden data.
pub fn golden_json(path: impl AsRef<Path>) -> serde_json::Value {
    serde_json::from_slice(&fs::read(golden(path)).unwrap()).unwrap()
}

/// The arrays of a golden `.safetensors` file.
pub struct Tensors(Vec<u8>);

impl Tensors {
    pub fn read(path: impl AsRef<Path>) -> Self {
        Self(fs::read(golden(path)).unwrap())
    }

    /// A float32 array by name.
    pub fn get(&self, name: &str) -> Option<ArrayD<f32>> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).ok()?;
        let values = tensor.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
        Some(ArrayD::from_shape_vec(IxDyn(tensor.shape()), values.collect()).unwrap())
    }
}
