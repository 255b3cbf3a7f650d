//! What a fetched folder holds, by SHA-256: whether it still is what was fetched.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::digest::{hexadecimal, of_file};

/// As `sha256sum -c` reads it.
const NAME: &str = "SHA256SUMS";

/// Writes down the files that lie directly in a folder.
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

/// The first file that is missing or is not as it was fetched; `None` if the folder is whole.
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
}
