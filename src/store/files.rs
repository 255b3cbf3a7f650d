//! Files that are there whole or not at all.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::StoreError;

/// How the names of unfinished files begin.
const UNFINISHED: &str = ".ip2p-";

/// Writes a file under a temporary name beside its place, syncs it and renames it. If that fails, or the
/// process is killed, a file that was there before is still there.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_with(path, |file| file.write_all(bytes))
}

/// As [`write`], piece by piece.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn write_with(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), StoreError> {
    replace(path, Sync::Yes, fill).map_err(StoreError::write(path))
}

/// As [`write`], and leaves a file that holds just that as it is: when it was changed says something.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn update(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let plain = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    match fs::read(path) {
        Ok(there) if plain && there == bytes => Ok(()),
        _ => write(path, bytes),
    }
}

/// As [`write`], at a fraction of the time: a killed process leaves the file whole or not at all, a power cut may
/// leave it damaged.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn write_unsynced(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    replace(path, Sync::No, |file| file.write_all(bytes)).map_err(StoreError::write(path))
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// If it is there, or cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    File::create_new(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(StoreError::write(path))
}

/// Whether a file has to outlast a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    Yes,
    No,
}

fn replace(
    path: &Path,
    sync: Sync,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // Made and written as any file: its mode is left to the user's umask, since results are for sharing, and
    // errors do not speak of a name that the user does not know.
    let create = |path: &Path| File::create_new(path);
    let mut builder = tempfile::Builder::new();
    let unfinished = builder.prefix(UNFINISHED).make_in(folder, create)?;
    let mut file = BufWriter::new(unfinished.as_file());
    fill(&mut file)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?;
    if sync == Sync::Yes {
        unfinished.as_file().sync_all()?;
    }
    unfinished.persist(path).map_err(|error| error.error)?;
    match sync {
        Sync::Yes => sync_folder(folder),
        Sync::No => Ok(()),
    }
}

/// Makes a rename last through a power cut, where folders can be synced.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

/// Makes a folder that is no symbolic link, and those above it.
///
/// # Errors
/// If it is a link, or cannot be made.
pub fn make_folder(path: &Path) -> Result<(), StoreError> {
    refuse_link(path)?;
    fs::create_dir_all(path).map_err(StoreError::write(path))
}

/// A file to append to, made if need be, that is no symbolic link.
pub(super) fn open_to_append(path: &Path) -> Result<File, StoreError> {
    refuse_link(path)?;
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(StoreError::write(path))
}

/// What is renamed into place replaces a link; what is opened would follow it, perhaps out of the folder.
pub(super) fn refuse_link(path: &Path) -> Result<(), StoreError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Err(StoreError::Link {
            path: path.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Whether a file is one that was not finished.
pub(super) fn is_unfinished(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(UNFINISHED)
}

/// Removes what a killed process left unfinished.
pub(super) fn remove_unfinished(folder: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(StoreError::read(folder))? {
        let entry = entry.map_err(StoreError::read(folder))?;
        if is_unfinished(&entry.file_name()) {
            fs::remove_file(entry.path()).map_err(StoreError::write(&entry.path()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("taken");
        fs::create_dir(&place).unwrap();
        fs::write(place.join("kept"), "x").unwrap();
        let error = write(&place, b"new").unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(place.join("kept").is_file());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn errors_name_the_file_and_not_its_unfinished_copy() {
        // Nobody may make files there.
        let error = write(Path::new("/proc/self/plan.json"), b"new").unwrap_err();
        let told = error.to_string();
        assert!(
            told.starts_with("cannot write /proc/self/plan.json: "),
            "{told}"
        );
        assert!(!told.contains(UNFINISHED), "{told}");
    }

    #[cfg(unix)]
    #[test]
    fn files_may_be_read_by_whom_the_umask_lets() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("atomic"), b"1").unwrap();
        fs::write(folder.path().join("plain"), b"1").unwrap();
        let mode = |name: &str| {
            fs::metadata(folder.path().join(name))
                .unwrap()
                .permissions()
                .mode()
        };
        assert_eq!(mode("atomic"), mode("plain"));
    }
}
