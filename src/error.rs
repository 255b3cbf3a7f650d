//! Every error of the library, and the exit code each stands for.

/// Any error of the library.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum Error {}
