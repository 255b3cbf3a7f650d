//! Which images were seen to be those that their records tell of, so that none is read twice to find that out.
//!
//! As in git's index, a file counts as the one that was read as long as its length, its times and its place on the disk
//! are the same. What is shown, measured or taken over from another folder is read and compared with its record all the
//! same: this only spares reading a million files to say that a run is complete.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::{StoreError, files, regular};
use crate::digest::sha256;
use crate::stamp::{Facts, SETTLED};
use crate::vocabulary::{CellKey, ImageFile};

/// The file with what `merge` has seen, in the run folder.
const NAME: &str = "verified";
/// How it begins.
const MARK: &[u8] = b"ip2p verified 1\n";
/// The longest such file: that of sixty million cells.
const LONGEST: u64 = 1 << 30;

/// A cell, what its record says of its file, and the facts of the file when it was compared.
pub(super) type Seen = [u8; 16];

/// The images that were seen.
#[derive(Debug, Default)]
pub(super) struct Verified {
    seen: Mutex<HashMap<Seen, Since>>,
}

/// When a file was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    /// By an earlier process; this one has not asked for it.
    Before,
    /// By an earlier process, and unchanged.
    Still,
    /// By this one, and last changed at this time.
    Changed(SystemTime),
}

impl Verified {
    /// Reads what an earlier process has kept; nothing if that cannot be read.
    pub fn read(folder: &Path) -> Self {
        let kept = regular::read(&folder.join(NAME), LONGEST).unwrap_or_default();
        let (seen, _) = kept
            .strip_prefix(MARK)
            .unwrap_or_default()
            .as_chunks::<{ size_of::<Seen>() }>();
        let seen = seen.iter().map(|seen| (*seen, Since::Before));
        Self {
            seen: Mutex::new(seen.collect()),
        }
    }

    /// Keeps what was seen and is sure to be noticed when it changes.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let now = SystemTime::now();
        let is_sure = |since: &Since| match since {
            Since::Before => false,
            Since::Still => true,
            Since::Changed(last) => now > *last + SETTLED,
        };
        let seen = self.lock();
        let sure = seen.iter().filter(|(_, since)| is_sure(since));
        let mut sure: Vec<&Seen> = sure.map(|(seen, _)| seen).collect();
        sure.sort_unstable();
        let bytes: Vec<u8> = (MARK.iter())
            .chain(sure.into_iter().flatten())
            .copied()
            .collect();
        files::write_unsynced(&folder.join(NAME), &bytes)
    }

    /// Whether this was seen.
    pub fn has(&self, seen: &Seen) -> bool {
        let mut all = self.lock();
        let Some(since) = all.get_mut(seen) else {
            return false;
        };
        if *since == Since::Before {
            *since = Since::Still;
        }
        true
    }

    /// Notes that a file with these facts was compared.
    pub fn add(&self, seen: Seen, facts: &Facts) {
        let since = Since::Changed(facts.last_change());
        self.lock().insert(seen, since);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Seen, Since>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is noted of the file of a cell.
pub(super) fn seen(cell: &CellKey, file: &ImageFile, facts: &Facts) -> Seen {
    let all = serde_json::json!([cell.as_str(), file, facts]).to_string();
    let mut seen = Seen::default();
    let length = seen.len();
    seen.copy_from_slice(&sha256(all.as_bytes())[..length]);
    seen
}
