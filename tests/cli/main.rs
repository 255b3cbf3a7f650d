//! The program as its users meet it: exit codes, and the exact words of errors.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up fails")]

#[path = "../common/mod.rs"]
mod common;
mod fixture;
mod followed;
mod printed;
mod refused;
