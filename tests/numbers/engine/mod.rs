//! The engine with a fake model: what is computed, in which order, how often, and what happens when it fails.

mod fake;
mod fixture;
mod peaks;
mod probing;
mod sharing;
mod trouble;
