//! SHA-256 sums of the files in a fetched folder, to check that they are still as fetched.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::digest::{hexadecimal, of_file};

/// The file of sums, in the format of `sha256sum -c`.
const NAME: &str = "SHA256SUMS";
/// The file with the files' sizes and times when their sums were last checked.
const STAMPS: &str = "STAMPS";

/// Writes the sums of the files directly in a folder.
pub(super) fn write(folder: &Path) -> io::Result<()> {
    let mut sums = String::new();
    for entry in folder.read_dir()? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let sum = hexadecimal(&of_file(&entry.path())?);
            sums += &format!("{sum}  {}\n", entry.file_name().to_string_lossy());
        }
    }
    let mut file = File::create(folder.join(NAME))?;
    file.write_all(sums.as_bytes())?;
    file.sync_all()
}

/// The first file that is missing or differs from what was fetched; `None` if there is none.
pub(super) fn first_wrong(folder: &Path) -> Option<PathBuf> {
    let list = folder.join(NAME);
    let Ok(sums) = fs::read_to_string(&list) else {
        return Some(list);
    };
    let mut files = sums.lines().filter_map(|line| line.split_once("  "));
    files.find_map(|(sum, name)| {
        let file = folder.join(name);
        let is_right = of_file(&file).is_ok_and(|found| hexadecimal(&found) == sum);
        (!is_right).then_some(file)
    })
}

/// Like [`first_wrong`], but does not read a file whose size and time are as when its sum was last checked. A folder
/// without sums was not fetched by this program.
pub(super) fn first_changed(folder: &Path) -> Option<PathBuf> {
    let sums = fs::read_to_string(folder.join(NAME)).ok()?;
    let known = fs::read_to_string(folder.join(STAMPS)).unwrap_or_default();
    let known: HashSet<&str> = known.lines().collect();
    let mut stamps = String::new();
    let mut is_new = false;
    for (sum, name) in sums.lines().filter_map(|line| line.split_once("  ")) {
        let file = folder.join(name);
        let Some(stamp) = stamp(&file, sum, name) else {
            return Some(file);
        };
        if !known.contains(stamp.as_str()) {
            if !of_file(&file).is_ok_and(|found| hexadecimal(&found) == sum) {
                return Some(file);
            }
            is_new = true;
        }
        stamps += &format!("{stamp}\n");
    }
    if is_new {
        // If it cannot be written, the files are read each time.
        let _ = keep(folder, &stamps);
    }
    None
}

fn stamp(file: &Path, sum: &str, name: &str) -> Option<String> {
    let found = fs::metadata(file).ok()?;
    let modified = found.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!(
        "{sum} {} {} {name}",
        found.len(),
        modified.as_nanos()
    ))
}

/// Written atomically, because another process may do the same.
fn keep(folder: &Path, stamps: &str) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".stamps-")
        .tempfile_in(folder)?;
    file.write_all(stamps.as_bytes())?;
    file.persist(folder.join(STAMPS))
        .map(drop)
        .map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_whole_until_a_file_is_another_or_gone() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (
            folder.path().join("one.so"),
            folder.path().join("other.so.9"),
        );
        assert_eq!(first_wrong(folder.path()), Some(folder.path().join(NAME)));
        fs::write(&one, "1").unwrap();
        fs::write(&other, "2").unwrap();
        write(folder.path()).unwrap();
        assert_eq!(first_wrong(folder.path()), None);
        fs::write(&one, "3").unwrap();
        assert_eq!(first_wrong(folder.path()), Some(one.clone()));
        fs::write(&one, "1").unwrap();
        fs::remove_file(&other).unwrap();
        assert_eq!(first_wrong(folder.path()), Some(other));
    }

    #[test]
    fn a_file_is_read_again_only_if_its_size_or_time_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one.so");
        fs::write(&file, "1").unwrap();
        assert_eq!(first_changed(folder.path()), None, "it was not fetched");
        write(folder.path()).unwrap();
        assert_eq!(first_changed(folder.path()), None);
        let time = fs::metadata(&file).unwrap().modified().unwrap();
        // Without reading the file, a change that keeps size and time goes unnoticed; `ip2p doctor` reads every byte.
        fs::write(&file, "2").unwrap();
        File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_modified(time)
            .unwrap();
        assert_eq!(first_changed(folder.path()), None);
        assert_eq!(first_wrong(folder.path()), Some(file.clone()));
        fs::write(&file, "3").unwrap();
        assert_eq!(first_changed(folder.path()), Some(file.clone()));
        fs::write(&file, "1").unwrap();
        assert_eq!(first_changed(folder.path()), None);
        fs::remove_file(&file).unwrap();
        assert_eq!(first_changed(folder.path()), Some(file));
    }
}
