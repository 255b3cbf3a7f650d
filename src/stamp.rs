//! What tells whether a file is still the one that was read: its length, its times and its place on the disk.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A file written less than this before it was read might be changed again within one tick of the file system's
/// clock.
pub(crate) const SETTLED: Duration = Duration::from_secs(2);

/// What identifies a file as the one that was opened or read. The inode's change time, which programs cannot set,
/// reveals a file whose modification time was set back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Facts {
    stamp: Stamp,
    /// Change time in seconds and nanoseconds since 1970; `None` on systems without it.
    changed: Option<(i64, i64)>,
}

/// The facts that programs can set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    /// Device and inode, on systems that have them.
    id: Option<(u64, u64)>,
}

impl Facts {
    pub fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        #[cfg(unix)]
        let changed = {
            use std::os::unix::fs::MetadataExt;
            Some((found.ctime(), found.ctime_nsec()))
        };
        #[cfg(not(unix))]
        let changed = None;
        Ok(Self {
            stamp: Stamp::of(&found),
            changed,
        })
    }

    /// Whether any later change to the file is sure to change these facts.
    pub fn are_settled(&self) -> bool {
        SystemTime::now() > self.last_change() + SETTLED
    }

    /// When the file was last changed in any respect.
    pub fn last_change(&self) -> SystemTime {
        let seconds = self.changed.map_or(0, |(seconds, _)| seconds.max(0));
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds as u64);
        self.stamp
            .modified
            .map_or(changed, |modified| modified.max(changed))
    }

    /// Whether these are of the same file with the same content, perhaps under another name: a new name changes nothing
    /// but the inode's change time. Never on systems without inodes.
    pub fn are_of_same_file(&self, other: &Self) -> bool {
        self.stamp.id.is_some() && self.stamp == other.stamp
    }
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        Self {
            bytes: found.len(),
            modified: found.modified().ok(),
            id: id(found),
        }
    }
}

#[cfg(unix)]
fn id(found: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn id(_found: &Metadata) -> Option<(u64, u64)> {
    None
}
