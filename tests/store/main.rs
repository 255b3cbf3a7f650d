//! The run folder: what is written, what is read back, and what survives.

#![allow(clippy::unwrap_used)]

#[path = "../common/environment.rs"]
mod environment;
mod fixture;
mod killed;
mod refused;
mod resumed;
mod tree;
mod writer;
mod written;
