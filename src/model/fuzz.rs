//! The entry points of [`crate::fuzzing`] for ONNX files and tokenizers.

use std::io::Cursor;

use super::onnx_file::OnnxFile;
use super::tokenizer::Tokenizer;
use crate::guard;

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

/// Checks that every text has as many tokens as the model has room for.
pub fn tokenizer(bytes: &[u8]) {
    guard::hide_from_hook();
    let Ok(json) = serde_json::from_slice(bytes) else {
        return;
    };
    if let Ok(tokenizer) = Tokenizer::of_json(json, "<|endoftext|>", 77)
        && let Ok(encoded) = tokenizer.encode("make it  Winter, 2 冬!")
    {
        assert_eq!(encoded.ids.len(), 77);
    }
}
