//! Doors to the parsers of bytes that others wrote, for the targets in `fuzz/` and the test here, which opens the same
//! doors with samples that it damages. Not part of the library that is built otherwise.
//!
//! A door panics where a parser does, and where what was accepted is not the same after it was written and read again.

#[cfg(test)]
mod tests;

pub use crate::drawing::fuzz::png_text;
pub use crate::image::fuzz::picture;
pub use crate::judge::fuzz::manifest;
pub use crate::model::fuzz::protobuf;
pub use crate::store::fuzz::{journal, plan};

/// A parser that is given bytes.
pub type Door = fn(&[u8]);

/// Each door and its name, which is that of its target and of the folder of its samples.
pub const DOORS: [(&str, Door); 6] = [
    ("journal", journal),
    ("manifest", manifest),
    ("picture", picture),
    ("plan", plan),
    ("png_text", png_text),
    ("protobuf", protobuf),
];
