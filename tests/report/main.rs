//! The report and the page of a comparison: their files, and how they behave in a real browser.

#![allow(clippy::print_stderr, reason = "a skipped test says so")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod accessible;
mod address;
mod advice;
mod axe;
mod browser;
mod chains;
mod chosen;
#[path = "../common/mod.rs"]
mod common;
mod comparison;
mod copied;
#[path = "../common/environment.rs"]
mod environment;
mod files;
mod fixture;
mod grid;
mod hostile;
mod numbers;
mod pinned;
mod saved;
mod sides;
mod table;
mod viewer;
mod vote;
