//! Sweeps on many machines: the cut, shards in one folder and in several, merging, and what schedulers do to them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it saw"
)]

mod any_order;
mod chains;
#[path = "../common/mod.rs"]
mod common;
mod cut;
mod devices;
mod file_systems;
mod kubernetes;
mod merged;
mod older;
mod printed;
