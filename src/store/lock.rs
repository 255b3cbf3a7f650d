//! One writer a run folder. The operating system holds the lock, so that it dies with the process.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::Path;

use super::StoreError;
use super::files::refuse_link;

/// Held as long as this lives.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Takes the lock of a run folder and notes the process's id in it.
    pub(super) fn take(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(".lock");
        refuse_link(&path)?;
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(StoreError::write(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = fs::read_to_string(&path)
                    .ok()
                    .and_then(|pid| pid.trim().parse().ok());
                return Err(StoreError::Locked {
                    folder: folder.to_owned(),
                    pid,
                });
            }
            Err(TryLockError::Error(source)) => return Err(StoreError::write(&path)(source)),
        }
        // For the message above alone: the lock holds without it.
        let _ = file
            .set_len(0)
            .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
        Ok(Self(file))
    }
}

impl Drop for Lock {
    /// The file stays, since removing it could take it from under a process that has just opened it.
    fn drop(&mut self) {
        let _ = self.0.set_len(0);
    }
}
