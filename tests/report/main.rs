//! The report: its files, and how it behaves in a real browser.

#![allow(clippy::print_stderr, reason = "a skipped test says so")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod browser;
mod files;
mod fixture;
mod grid;
mod hostile;
mod numbers;
mod viewer;
