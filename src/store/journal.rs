//! `journal.jsonl`: one line for each finished or failed cell, append-only; it alone decides what is done.
//!
//! A line counts once its line feed is there. What a killed process left after the last line feed is cut off when the
//! journal is opened again. A complete line that cannot be read (a damaged disk, an editor) is skipped with a note: its
//! cell is computed again, which is safe and better than refusing the whole run.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;

use super::begin::{Begin, BeginLine, MARK, ReadBeginLine};
use super::files::{self, open_to_append};
use super::{StoreError, regular};
use crate::vocabulary::Record;

/// The journal's name in the run folder.
pub(super) const NAME: &str = "journal.jsonl";

/// A line with thousands of steps is about a megabyte; a longer one was not written by this program.
const LONGEST_LINE: u64 = 64 << 20;

/// Bytes of many records that are read, or written and synced, at a time.
const PIECE: usize = 4 << 20;

/// How many lines are worth a thread.
const LINES_TOGETHER: usize = 64;

/// The content of a journal.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// The records in order; a later record of a cell replaces an earlier one.
    pub(super) records: Vec<Arc<Record>>,
    /// What they were made with, each with the number of records before it.
    pub(super) begins: Vec<(usize, Begin)>,
    /// Numbers, from 1, of complete lines that cannot be read.
    pub(super) unreadable: Vec<usize>,
    /// Number of bytes up to and including the last line feed.
    pub(super) length: u64,
}

/// Reads a journal line by line; a missing file counts as empty.
pub(super) fn read(path: &Path) -> Result<Contents, StoreError> {
    let file = match regular::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Contents::default()),
        Err(source) => return Err(StoreError::read(path)(source)),
    };
    let lines = BufReader::with_capacity(1 << 16, file);
    parse(lines).map_err(StoreError::read(path))
}

/// Parses the lines of a journal.
pub(super) fn parse(mut lines: impl BufRead) -> io::Result<Contents> {
    let mut contents = Contents::default();
    let mut number = 0;
    loop {
        let piece = Piece::read(&mut lines)?;
        if piece.ends.is_empty() {
            return Ok(contents);
        }
        contents.length += piece.length;
        let parsed: Vec<Line> = (piece.lines().collect::<Vec<_>>().par_iter())
            .with_min_len(LINES_TOGETHER)
            .map(|line| Line::parse(line))
            .collect();
        for line in parsed {
            number += 1;
            match line {
                Line::Empty => {}
                Line::Begin(begin) => contents.begins.push((contents.records.len(), *begin)),
                Line::Record(record) => contents.records.push(record),
                Line::Unreadable => contents.unreadable.push(number),
            }
        }
    }
}

/// Some complete lines of a journal.
#[derive(Debug, Default)]
struct Piece {
    text: Vec<u8>,
    /// Where each line ends in the text.
    ends: Vec<usize>,
    /// Number of bytes of the lines in the journal.
    length: u64,
}

impl Piece {
    /// Reads the next lines; none if there are no more line feeds.
    fn read(lines: &mut impl BufRead) -> io::Result<Self> {
        let mut piece = Self::default();
        let mut line = Vec::new();
        while piece.text.len() < PIECE {
            let Some(length) = read_line(lines, &mut line)? else {
                break;
            };
            piece.length += length;
            piece.text.extend_from_slice(&line);
            piece.ends.push(piece.text.len());
        }
        Ok(piece)
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let begins = [0].into_iter().chain(self.ends.iter().copied());
        begins
            .zip(&self.ends)
            .map(|(begin, &end)| &self.text[begin..end])
    }
}

/// A line of a journal.
enum Line {
    Empty,
    Begin(Box<Begin>),
    Record(Arc<Record>),
    Unreadable,
}

impl Line {
    fn parse(text: &[u8]) -> Self {
        match text {
            b"\n" => Self::Empty,
            text if text.starts_with(MARK) => serde_json::from_slice(text)
                .map_or(Self::Unreadable, |ReadBeginLine { begin }| {
                    Self::Begin(Box::new(begin))
                }),
            text => serde_json::from_slice(text)
                .map_or(Self::Unreadable, |record| Self::Record(Arc::new(record))),
        }
    }
}

/// Reads the next complete line and returns its length; `None` if there are no more line feeds. Only the beginning of a
/// line that is too long is kept.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<u64>> {
    line.clear();
    let mut length = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', line)? as u64;
    if length == LONGEST_LINE && line.last() != Some(&b'\n') {
        length += reader.skip_until(b'\n')? as u64;
        // At the end of the journal it counts as an unfinished line and is cut off, whether or not it has ended.
        let is_last = reader.fill_buf()?.is_empty();
        return Ok((!is_last).then_some(length));
    }
    Ok((line.last() == Some(&b'\n')).then_some(length))
}

/// A journal opened for writing.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// Number of bytes of complete lines.
    length: u64,
}

impl Journal {
    /// Opens or creates a journal and cuts off everything after the first `length` bytes.
    pub(super) fn open(path: &Path, length: u64) -> Result<Self, StoreError> {
        let file = open_to_append(path)?;
        let journal = Self {
            path: path.to_owned(),
            file,
            length,
        };
        if journal
            .file
            .metadata()
            .is_ok_and(|metadata| metadata.len() > length)
        {
            journal.cut().map_err(StoreError::write(path))?;
        }
        Ok(journal)
    }

    /// Appends a begin line for the records that follow.
    pub(super) fn begin(&mut self, begin: &Begin) -> Result<(), StoreError> {
        self.append_line(&BeginLine { begin })
    }

    /// Appends a record and syncs it. If that fails, the journal stays as it was.
    pub(super) fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        self.append_line(record)
    }

    /// Appends many records and syncs them in pieces: a line each would take a disk minutes.
    pub(super) fn append_all(&mut self, records: &[Arc<Record>]) -> Result<(), StoreError> {
        let mut lines = Vec::new();
        for record in records {
            serde_json::to_writer(&mut lines, &**record)
                .map_err(|error| StoreError::write(&self.path)(error.into()))?;
            lines.push(b'\n');
            if lines.len() >= PIECE {
                self.append_bytes(&lines)?;
                lines.clear();
            }
        }
        match lines.is_empty() {
            true => Ok(()),
            false => self.append_bytes(&lines),
        }
    }

    fn append_line(&mut self, line: &impl Serialize) -> Result<(), StoreError> {
        let mut bytes = serde_json::to_vec(line)
            .map_err(|error| StoreError::write(&self.path)(error.into()))?;
        bytes.push(b'\n');
        self.append_bytes(&bytes)
    }

    /// Appends whole lines.
    fn append_bytes(&mut self, lines: &[u8]) -> Result<(), StoreError> {
        self.write(lines).map_err(|source| {
            // What cannot be cut off now has no line feed, and is cut off when the journal is next opened.
            let _ = self.cut();
            StoreError::write(&self.path)(source)
        })
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.write_all(lines)?;
        files::synced_data(&self.file)?;
        self.length += lines.len() as u64;
        Ok(())
    }

    fn cut(&self) -> io::Result<()> {
        self.file.set_len(self.length)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn record(number: usize) -> Record {
        serde_json::from_value(serde_json::json!({
            "cell": format!("s{number}-ab"), "status": "failed", "error": "\"❄\"\n", "device": "cpu",
            "finished": "2026-01-02T03:04:05Z", "precision": "fp32", "batch_size": 1, "unet_evals": 2,
            "times": {"encode_text_ms": null, "encode_image_ms": 1.5, "denoise_ms": 0.1, "decode_ms": null,
                      "save_ms": null},
            "vram_peak_mib": null, "vram_source": null, "rss_peak_mib": 3.25, "image_change": null
        }))
        .unwrap()
    }

    #[test]
    fn a_journal_cut_at_any_byte_keeps_its_whole_lines_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let mut journal = Journal::open(&path, 0).unwrap();
        let records = [record(0), record(1), record(2)];
        records
            .iter()
            .for_each(|record| journal.append(record).unwrap());
        let bytes = fs::read(&path).unwrap();
        for length in 0..=bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            let contents = read(&path).unwrap();
            let whole = bytes[..length]
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count();
            let kept: Vec<Record> = contents.records.iter().map(|it| (**it).clone()).collect();
            assert_eq!(kept, records[..whole]);
            assert!(contents.unreadable.is_empty());
            let mut journal = Journal::open(&path, contents.length).unwrap();
            journal.append(&record(9)).unwrap();
            let again = read(&path).unwrap();
            assert_eq!(again.records.len(), whole + 1);
            assert!(again.unreadable.is_empty());
        }
    }

    #[test]
    fn a_line_without_end_costs_no_memory_and_no_other_line() {
        let mut line = Vec::new();
        let long = "x".repeat(LONGEST_LINE as usize + 5);
        let text = format!("{long}\nshort\n");
        let mut reader = text.as_bytes();
        let length = read_line(&mut reader, &mut line).unwrap();
        assert_eq!(length, Some(LONGEST_LINE + 6));
        assert_eq!(read_line(&mut reader, &mut line).unwrap(), Some(6));
        assert_eq!(line, b"short\n");
        for end in ["", "\n"] {
            let text = format!("{long}{end}");
            assert_eq!(read_line(&mut text.as_bytes(), &mut line).unwrap(), None);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_with_a_remedy() {
        use miette::Diagnostic;
        let error = Journal::open(Path::new("/dev/full"), 0)
            .unwrap()
            .append(&record(0))
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot write /dev/full: No space left"),
            "{error}"
        );
        assert_eq!(
            error.help().unwrap().to_string(),
            "free some space and run again: finished cells are kept"
        );
    }
}
