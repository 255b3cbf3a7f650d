//! `journal.jsonl`: a line per finished or failed cell, append-only, the only truth about "done".
//!
//! A line counts once its line feed is there. What a killed process left after the last line feed is cut
//! off when the journal is opened again. A complete line that cannot be read (a damaged disk, an editor)
//! is skipped with a note: its cell is computed again, which is safe, where refusing the whole run is not.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::{Record, StoreError};

/// Its name in the run folder.
pub(super) const NAME: &str = "journal.jsonl";

/// What a journal holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// In order; a later record of a cell replaces an earlier one.
    pub(super) records: Vec<Record>,
    /// Numbers, from 1, of the complete lines that cannot be read.
    pub(super) unreadable: Vec<usize>,
    /// Bytes up to and including the last line feed.
    pub(super) length: u64,
}

/// Reads a journal; one that is not there is empty.
pub(super) fn read(path: &Path) -> Result<Contents, StoreError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(StoreError::read(path)(source)),
    };
    let length = bytes
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |end| end + 1);
    let mut contents = Contents {
        length: length as u64,
        ..Contents::default()
    };
    let lines = bytes[..length].split(|&byte| byte == b'\n').enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(record) => contents.records.push(record),
            Err(_) => contents.unreadable.push(index + 1),
        }
    }
    Ok(contents)
}
