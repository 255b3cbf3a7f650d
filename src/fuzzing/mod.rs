//! Entry points to the parsers of foreign bytes, for the targets in `fuzz/` and for the test here, which calls them
//! with damaged samples. Compiled only for these.
//!
//! An entry point panics if the parser does, or if accepted input is not the same after it was written and read again.

#[cfg(test)]
mod tests;

pub use crate::drawing::fuzz::png_text;
pub use crate::image::fuzz::picture;
pub use crate::judge::fuzz::manifest;
pub use crate::model::fuzz::{protobuf, tokenizer};
pub use crate::spec::fuzz::sweep;
pub use crate::store::fuzz::{journal, plan};

/// An entry point: a function that parses bytes.
pub type EntryPoint = fn(&[u8]);

/// Each entry point with its name, which is also that of its fuzz target and of its folder of samples.
pub const ENTRY_POINTS: [(&str, EntryPoint); 8] = [
    ("journal", journal),
    ("manifest", manifest),
    ("picture", picture),
    ("plan", plan),
    ("png_text", png_text),
    ("protobuf", protobuf),
    ("sweep", sweep),
    ("tokenizer", tokenizer),
];
