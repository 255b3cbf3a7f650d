//! Models: what a model folder must hold, its tokenizer, and its components as ONNX Runtime sessions.
//!
//! [`ModelFolder::open`] checks a folder without a runtime; [`runtime`] finds, fetches and loads ONNX
//! Runtime; [`OnnxModel`] puts the two together. Nothing outside this module names `ort`.

mod bound;
pub mod clip;
mod config;
mod doctor;
mod error;
mod files;
mod folder;
mod graph;
mod graph_files;
mod message;
mod onnx_file;
mod onnx_model;
mod onnx_writer;
mod operations;
mod product;
mod protobuf;
pub mod runtime;
mod session;
mod tensors;
mod tokenizer;

pub use doctor::{Fact, FactState, diagnose};
pub use error::ModelError;
pub use folder::ModelFolder;
pub use onnx_file::ElementType;
pub use onnx_model::OnnxModel;
pub use operations::Operations;
pub use product::{MatrixChain, MatrixProducts};
pub use tokenizer::{Encoded, Tokenizer};
