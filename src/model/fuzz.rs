//! The entry point of [`crate::fuzzing`] for ONNX files.

use std::io::Cursor;

use super::onnx_file::OnnxFile;

/// Checks that the facts of a file do not depend on what follows it.
pub fn protobuf(bytes: &[u8]) {
    let length = bytes.len() as u64;
    let facts = OnnxFile::parse(Cursor::new(bytes), length);
    let longer = [bytes, &[0x3a, 0x7f]].concat();
    assert_eq!(OnnxFile::parse(Cursor::new(longer), length), facts);
    if let Ok(facts) = facts {
        facts.precision();
    }
}
