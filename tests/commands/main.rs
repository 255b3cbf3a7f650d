//! The program as its users see it: commands, run folders, baselines, and what survives being killed.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should panic, and says what it saw"
)]

mod attacked;
mod chains;
mod cli;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/environment.rs"]
mod environment;
mod inputs;
mod judge;
mod masked;
mod resume;
mod scoped;
mod store;
