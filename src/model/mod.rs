//! Models: the content of a model folder, its tokenizer, and running its components.
//!
//! [`ModelFolder::open`] checks a folder without a runtime; [`OnnxModel`] runs it with [`crate::onnxruntime`].

pub mod clip;
mod config;
mod digests;
mod doctor;
mod error;
mod files;
mod folder;
mod footprint;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod graph;
mod graph_files;
mod onnx_file;
mod onnx_model;
mod protobuf;
mod stamps;
mod tokenizer;

pub use crate::onnxruntime::ElementType;
pub use digests::KnownDigests;
pub use doctor::{Fact, FactState, diagnose};
pub use error::ModelError;
pub use folder::ModelFolder;
pub use footprint::CallSize;
pub use onnx_model::OnnxModel;
pub use tokenizer::{Encoded, Tokenizer};
