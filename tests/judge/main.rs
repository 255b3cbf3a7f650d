//! The comparator against what it must catch, computed by the real engine on the demo model; and baselines
//! through their whole life.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up fails")]
#![allow(
    clippy::print_stdout,
    reason = "the measures belong into docs/tolerances.md"
)]

mod baselines;
mod broken;
mod caught;
mod commands;
#[path = "../common/mod.rs"]
mod common;
mod fixture;
mod reports;
mod similarity;
mod weights;
