//! One writer a folder. The operating system holds the lock, so it ends with the process.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::begin::host;
use super::files::refuse_link;

/// A lock, held as long as this value lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// The lock file, if it is to be removed with the lock.
    passing: Option<PathBuf>,
    /// Whether other processes hold the lock too, so that this one must not write to the file.
    shared: bool,
}

impl Lock {
    /// Locks a run folder and writes the process's id into the lock file.
    pub(super) fn take(folder: &Path) -> Result<Self, StoreError> {
        let path = path_in(folder);
        let file = open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self::held(file, None)),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
                folder: folder.to_owned(),
                pid: owner(&path),
            }),
            Err(TryLockError::Error(source)) => Err(StoreError::write(&path)(source)),
        }
    }

    /// Locks a run folder together with others that work beside this process, so that no process can have it alone. If
    /// the file system has no locks, a note says so: images are then put in place so that the first writer wins.
    pub(super) fn share(folder: &Path) -> Result<(Self, Option<String>), StoreError> {
        let path = path_in(folder);
        let file = open(&path)?;
        let note = match file.try_lock_shared() {
            Ok(()) => None,
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked {
                    folder: folder.to_owned(),
                    pid: owner(&path),
                });
            }
            Err(TryLockError::Error(error)) if is_unsupported(&error) => Some(format!(
                "{} has no locks: run no other command on it while its shards run",
                folder.display()
            )),
            Err(TryLockError::Error(source)) => return Err(StoreError::write(&path)(source)),
        };
        Ok((
            Self {
                file,
                passing: None,
                shared: true,
            },
            note,
        ))
    }

    /// Takes the lock of one writer among several: that of its own name or else of a name from `next`, as long as there
    /// are any. Returns the name whose lock was taken; `None` if all are held.
    pub(super) fn take_first(
        names: impl Iterator<Item = String>,
        path_of: impl Fn(&str) -> PathBuf,
    ) -> Result<Option<(Self, String)>, StoreError> {
        for name in names {
            let path = path_of(&name);
            let file = open(&path)?;
            match file.try_lock() {
                Ok(()) => return Ok(Some((Self::held(file, None), name))),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) if is_unsupported(&error) => {
                    // The name is unique: no other process has a journal with it.
                    let name = format!("{name}.{}-{}", host_word(), std::process::id());
                    return Ok(Some((Self::held(file, None), name)));
                }
                Err(TryLockError::Error(source)) => return Err(StoreError::write(&path)(source)),
            }
        }
        Ok(None)
    }

    /// Does something while no other process holds the shared lock; `None` if another does.
    pub(super) fn alone<T>(&self, act: impl FnOnce() -> T) -> Result<Option<T>, StoreError> {
        let failed = StoreError::write(Path::new(".lock"));
        // A shared lock cannot be turned into an exclusive one atomically on every system.
        let _ = self.file.unlock();
        let acted = match self.file.try_lock() {
            Ok(()) => {
                let acted = act();
                let _ = self.file.unlock();
                Some(acted)
            }
            Err(_) => None,
        };
        self.file.lock_shared().map_err(failed)?;
        Ok(acted)
    }

    /// Waits for the lock of a folder that several programs use, and leaves no lock file behind; calls `waiting` with
    /// the id of the process that holds it, if there is one.
    ///
    /// # Errors
    /// If the file cannot be created, or a link stands in its place.
    pub fn wait(folder: &Path, mut waiting: impl FnMut(Option<u32>)) -> Result<Self, StoreError> {
        let path = path_in(folder);
        loop {
            let file = open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    waiting(owner(&path));
                    file.lock().map_err(StoreError::write(&path))?;
                }
                Err(TryLockError::Error(source)) => return Err(StoreError::write(&path)(source)),
            }
            // The previous holder may have removed the file meanwhile; then the lock is on a file that is no longer
            // there.
            if is_at(&file, &path) {
                return Ok(Self::held(file, Some(path)));
            }
        }
    }

    fn held(mut file: File, passing: Option<PathBuf>) -> Self {
        // Only for messages: the lock works without it.
        let _ = file
            .set_len(0)
            .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
        Self {
            file,
            passing,
            shared: false,
        }
    }
}

impl Drop for Lock {
    /// A run folder's lock file stays, because removing it could take it from a process that has just opened it; those
    /// who wait for the other kind check that it still exists.
    fn drop(&mut self) {
        let _ = match &self.passing {
            None if self.shared => Ok(()),
            None => self.file.set_len(0),
            Some(path) => fs::remove_file(path),
        };
    }
}

/// Whether the file system has no locks.
fn is_unsupported(error: &io::Error) -> bool {
    // "No locks available", from NFS without its lock daemon, has no `ErrorKind`.
    const ENOLCK: i32 = 37;
    error.kind() == ErrorKind::Unsupported
        || cfg!(target_os = "linux") && error.raw_os_error() == Some(ENOLCK)
}

/// The machine's name as part of a file name.
fn host_word() -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    host().unwrap_or_default().chars().map(plain).collect()
}

fn path_in(folder: &Path) -> PathBuf {
    folder.join(".lock")
}

fn open(path: &Path) -> Result<File, StoreError> {
    refuse_link(path)?;
    // Opening a pipe would block.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        let source = io::Error::new(ErrorKind::InvalidInput, "it is not a regular file");
        return Err(StoreError::write(path)(source));
    }
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(StoreError::write(path))
}

fn owner(path: &Path) -> Option<u32> {
    let pid = fs::read_to_string(path).ok()?;
    pid.trim().parse().ok()
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |found: fs::Metadata| (found.dev(), found.ino());
    let (Ok(held), Ok(there)) = (file.metadata(), fs::metadata(path)) else {
        return false;
    };
    id(held) == id(there)
}

/// On this system an open file cannot be removed.
#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn who_waits_gets_the_lock_in_turn_and_no_file_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let lock = Lock::wait(folder.path(), |_| ()).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
