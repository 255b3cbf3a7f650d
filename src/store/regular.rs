//! Reading files: only regular ones, and no more of them than is expected.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::path::Path;

use crate::lfs;

/// Opens a regular file for reading: a pipe would block, and a device never ends.
///
/// # Errors
/// If it is not a regular file, or cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    let is_file = |found: fs::Metadata| match found.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(
            ErrorKind::InvalidInput,
            "it is not a regular file",
        )),
    };
    // Checked before opening, because opening a pipe blocks, and again after it, because the file may have been
    // replaced.
    is_file(fs::metadata(path)?)?;
    let file = File::open(path)?;
    is_file(file.metadata()?)?;
    Ok(file)
}

/// Reads a regular file of at most `longest` bytes.
///
/// # Errors
/// If it is longer, is not a regular file, or cannot be read.
pub fn read(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let mut bytes = Vec::new();
    file.take(longest.saturating_add(1))
        .read_to_end(&mut bytes)?;
    match bytes.len() as u64 > longest {
        true => Err(invalid(format!("it is longer than {longest} bytes"))),
        false if lfs::is_pointer(&bytes) => Err(invalid(
            "it is a Git LFS pointer, not the file itself; run `git lfs pull`".to_owned(),
        )),
        false => Ok(bytes),
    }
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, reason)
}

/// Whether a regular file has just the content that a function writes; neither need be in memory as a whole.
pub(super) fn has_content(
    path: &Path,
    fill: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> bool {
    let Ok(file) = open(path) else {
        return false;
    };
    let mut expected = Expected {
        file: BufReader::with_capacity(1 << 16, file),
    };
    // Either fails at the first difference.
    fill(&mut expected).is_ok() && expected.is_all()
}

/// Takes what is expected to stand in a file.
struct Expected<R> {
    /// What has not been compared yet.
    file: R,
}

impl<R: BufRead> Expected<R> {
    /// Whether nothing more stands in the file.
    fn is_all(&mut self) -> bool {
        self.file.fill_buf().is_ok_and(<[u8]>::is_empty)
    }
}

impl<R: BufRead> Write for Expected<R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let there = self.file.fill_buf()?;
        let length = there.len().min(bytes.len());
        if there[..length] != bytes[..length] || length < bytes.len().min(1) {
            return Err(invalid("it has another content".to_owned()));
        }
        self.file.consume(length);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_has_no_end_no_writer_or_no_content_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for path in [Path::new("/dev/zero"), &pipe, folder.path()] {
            let error = read(path, 1 << 30).unwrap_err();
            assert_eq!(error.to_string(), "it is not a regular file");
        }
        let long = folder.path().join("long");
        fs::write(&long, "12345").unwrap();
        assert_eq!(read(&long, 5).unwrap(), b"12345");
        assert_eq!(
            read(&long, 4).unwrap_err().to_string(),
            "it is longer than 4 bytes"
        );
        let pointer = folder.path().join("pointer");
        fs::write(&pointer, [lfs::POINTER, b"v1\n"].concat()).unwrap();
        assert_eq!(
            read(&pointer, 1000).unwrap_err().to_string(),
            "it is a Git LFS pointer, not the file itself; run `git lfs pull`"
        );
    }

    #[test]
    fn a_file_has_the_content_that_is_written_and_neither_more_nor_less() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let text = "winter".repeat(20_000);
        let is = |there: &str| {
            fs::write(&path, there).unwrap();
            let pieces = text.as_bytes().chunks(7);
            has_content(&path, |file| {
                let mut pieces = pieces;
                pieces.try_for_each(|piece| file.write_all(piece))
            })
        };
        assert!(is(&text));
        let other = text.replacen("winter", "summer", 1);
        for there in [
            "",
            &text[1..],
            &format!("{text}w"),
            &text[..text.len() - 1],
            &other,
        ] {
            assert!(!is(there));
        }
        assert!(!has_content(folder.path(), |_| Ok(())));
        assert!(!has_content(&folder.path().join("none"), |_| Ok(())));
    }
}
