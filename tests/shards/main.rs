//! Sweeps on many machines: the cut, shards in one folder and in several, merging, and the effects of cluster
//! schedulers.

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
mod merged_files;
mod older;
mod printed;
