//! Writing files atomically: a file is either complete or absent.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use super::{StoreError, regular};

/// The prefix of unfinished files' names.
const UNFINISHED: &str = ".ip2p-";
/// How often to try a name for an unfinished file, because another process may tidy it away as soon as it appears.
const TRIES: usize = 8;

/// Writes a file under a temporary name beside its place, syncs it and renames it. If that fails or the process is
/// killed, an existing file stays as it was.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_with(path, |file| file.write_all(bytes))
}

/// Like [`write()`], with a function that writes the content.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn write_with(
    path: &Path,
    fill: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> Result<(), StoreError> {
    // If a power cut restores the earlier file, only a cell or a view is lost, and it is made again.
    replace(path, Sync::Yes, fill)
        .map(|_| ())
        .map_err(StoreError::write(path))
}

/// Like [`write()`]; returns whether the file is sure to survive a power cut, so that what it replaces may be deleted.
///
/// # Errors
/// If the file cannot be written; the earlier one is then in place.
pub fn write_to_last(path: &Path, bytes: &[u8]) -> Result<bool, StoreError> {
    let durability = replace(path, Sync::Yes, |file| file.write_all(bytes));
    Ok(durability.map_err(StoreError::write(path))? == Durability::Yes)
}

/// Like [`write()`], but leaves a file that already has this content untouched, because its modification time matters.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn update(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    update_with(path, |file| file.write_all(bytes))
}

/// Like [`update`], with a function that writes the content, perhaps twice: a long one need not be in memory.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn update_with(
    path: &Path,
    fill: impl Fn(&mut (dyn Write + Send)) -> io::Result<()>,
) -> Result<(), StoreError> {
    let is_plain = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    match is_plain && regular::has_content(path, &fill) {
        true => Ok(()),
        false => write_with(path, fill),
    }
}

/// Like [`write()`] but much faster: if the process is killed the file is complete or absent, but a power cut may leave
/// it damaged.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn write_unsynced(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    replace(path, Sync::No, |file| file.write_all(bytes))
        .map(|_| ())
        .map_err(StoreError::write(path))
}

/// Whether a file was put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    /// The file was put in place.
    Yes,
    /// Another file was already there, and stays.
    AlreadyExisted,
}

/// Like [`write()`], but the first of several processes wins: an existing file stays.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn write_once(path: &Path, bytes: &[u8]) -> Result<Placed, StoreError> {
    place_once(path, bytes).map_err(StoreError::write(path))
}

fn place_once(path: &Path, bytes: &[u8]) -> io::Result<Placed> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let unfinished = unfinished_in(folder)?;
    let mut file = unfinished.as_file();
    file.write_all(bytes)?;
    synced(file)?;
    match fs::hard_link(unfinished.path(), path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // A file server may answer a retried request like this although the first one succeeded.
            if links(file)? < 2 {
                return Ok(Placed::AlreadyExisted);
            }
        }
        // The file system has no hard links: use the rename that never replaces, if the system has it.
        Err(_) => match unfinished.persist_noclobber(path) {
            Ok(_) => {}
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
                return Ok(Placed::AlreadyExisted);
            }
            Err(_) if path.exists() => return Ok(Placed::AlreadyExisted),
            Err(error) => drop(error.file.persist(path).map_err(|error| error.error)?),
        },
    }
    // The file is in place whether or not this succeeds.
    let _ = sync_folder(folder);
    Ok(Placed::Yes)
}

/// Whether [`write_once`] keeps its promise in a folder: not where the file system neither links files nor renames one
/// without replacing another.
pub(super) fn can_place_once(folder: &Path) -> bool {
    let (Ok(first), Ok(second)) = (unfinished_in(folder), unfinished_in(folder)) else {
        // The first image that is written says why.
        return true;
    };
    let free = second.path().to_owned();
    drop(second);
    let tried = || -> io::Result<()> {
        match fs::hard_link(first.path(), &free) {
            Ok(()) => fs::remove_file(&free),
            Err(_) => {
                let placed = first.persist_noclobber(&free);
                placed.map_err(|error| error.error)?;
                fs::remove_file(&free)
            }
        }
    };
    tried().is_ok()
}

/// Writes a file that must not exist yet.
///
/// # Errors
/// If it exists, or cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    match write_once(path, bytes)? {
        Placed::Yes => Ok(()),
        Placed::AlreadyExisted => {
            let source = io::Error::new(ErrorKind::AlreadyExists, "it exists already");
            Err(StoreError::write(path)(source))
        }
    }
}

/// Whether a file has to survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    Yes,
    No,
}

/// Whether a file in place is sure to survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    Yes,
    Unknown,
}

fn replace(
    path: &Path,
    sync: Sync,
    fill: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> io::Result<Durability> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let unfinished = unfinished_in(folder)?;
    let mut file = BufWriter::new(unfinished.as_file());
    fill(&mut file)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?;
    let mut durability = Durability::Unknown;
    if sync == Sync::Yes {
        durability = synced(unfinished.as_file())?;
    }
    unfinished.persist(path).map_err(|error| error.error)?;
    Ok(match sync {
        // The file is in place whether or not this succeeds.
        Sync::Yes if sync_folder(folder).is_ok() => durability,
        Sync::Yes | Sync::No => Durability::Unknown,
    })
}

/// A temporary file that only this process writes; its lock shows that the process is alive.
fn unfinished_in(folder: &Path) -> io::Result<tempfile::NamedTempFile<File>> {
    // Created and written like any file: the user's umask decides its mode, because results are meant to be shared, and
    // errors do not mention a name that the user does not know.
    let create = |path: &Path| File::create_new(path);
    let mut tries = 1;
    loop {
        let mut builder = tempfile::Builder::new();
        let unfinished = builder.prefix(UNFINISHED).make_in(folder, create)?;
        // On file systems without locks, nothing that another process may be writing is tidied away.
        let _ = unfinished.as_file().try_lock();
        if tries == TRIES || is_linked(unfinished.as_file())? {
            return Ok(unfinished);
        }
        tries += 1;
    }
}

/// Whether a file still has a name.
#[cfg(unix)]
fn is_linked(file: &File) -> io::Result<bool> {
    Ok(links(file)? > 0)
}

/// The number of a file's hard links.
#[cfg(unix)]
fn links(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.nlink())
}

/// Not available on this system, and not needed.
#[cfg(not(unix))]
fn links(_file: &File) -> io::Result<u64> {
    Ok(1)
}

/// On this system an open file keeps its name.
#[cfg(not(unix))]
fn is_linked(_file: &File) -> io::Result<bool> {
    Ok(true)
}

/// Syncs a file, if the file system can.
pub(super) fn synced_data(file: &File) -> io::Result<()> {
    unless_unsupported(file.sync_data()).map(|_| ())
}

fn synced(file: &File) -> io::Result<Durability> {
    unless_unsupported(file.sync_all())
}

/// Makes a rename survive a power cut, where folders can be synced.
fn sync_folder(folder: &Path) -> io::Result<Durability> {
    match cfg!(unix) {
        true => unless_unsupported(File::open(folder)?.sync_all()),
        false => Ok(Durability::Unknown),
    }
}

/// Network and phone file systems that cannot sync report it with one of these errors; they are used all the same.
fn unless_unsupported(synced: io::Result<()>) -> io::Result<Durability> {
    match synced {
        Ok(()) => Ok(Durability::Yes),
        Err(error) => match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::Unsupported => Ok(Durability::Unknown),
            _ => Err(error),
        },
    }
}

/// Makes a folder and its parents, refuses a symbolic link in its place, and removes what killed processes left in it.
///
/// # Errors
/// If it is a link, or cannot be made.
pub fn make_folder(path: &Path) -> Result<(), StoreError> {
    refuse_link(path)?;
    fs::create_dir_all(path).map_err(StoreError::write(path))?;
    remove_unfinished(path);
    Ok(())
}

/// Opens a file for appending, creating it if needed; refuses a symbolic link.
pub(super) fn open_to_append(path: &Path) -> Result<File, StoreError> {
    refuse_link(path)?;
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(StoreError::write(path))
}

/// Refuses a symbolic link. A file that is renamed into place replaces a link, but opening one would follow it, perhaps
/// out of the folder.
///
/// # Errors
/// If the path is a link.
pub fn refuse_link(path: &Path) -> Result<(), StoreError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Err(StoreError::Link {
            path: path.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Whether a name is that of an unfinished file.
pub fn is_unfinished(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(UNFINISHED)
}

/// Removes unfinished files that killed processes left; files being written are locked and stay. It does no harm if one
/// cannot be removed.
pub(super) fn remove_unfinished(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let unfinished = entries.flatten().filter(|entry| {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        is_file && is_unfinished(&entry.file_name())
    });
    for entry in unfinished {
        let Ok(file) = File::open(entry.path()) else {
            continue;
        };
        match file.try_lock() {
            Ok(()) => drop(fs::remove_file(entry.path())),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
    }
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
        // Nobody may create files there.
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

    #[test]
    fn what_killed_processes_left_is_removed_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".ip2p-left");
        fs::write(&left, "half").unwrap();
        fs::write(folder.path().join("theirs"), "x").unwrap();
        fs::create_dir(folder.path().join(".ip2p-folder")).unwrap();
        let written = unfinished_in(folder.path()).unwrap();
        make_folder(folder.path()).unwrap();
        assert!(!left.exists());
        assert!(written.path().exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn file_systems_that_cannot_sync_are_used() {
        let failing = |kind: ErrorKind| unless_unsupported(Err(kind.into()));
        assert_eq!(
            failing(ErrorKind::InvalidInput).unwrap(),
            Durability::Unknown
        );
        assert_eq!(
            failing(ErrorKind::Unsupported).unwrap(),
            Durability::Unknown
        );
        assert!(failing(ErrorKind::StorageFull).is_err());
        assert_eq!(unless_unsupported(Ok(())).unwrap(), Durability::Yes);
    }
}
