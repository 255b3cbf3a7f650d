//! Checks that a library can be loaded safely. The loader maps it into memory: if the file is truncated, the process
//! ends with a signal that cannot be caught; and if others may write to it, it can run anything they like.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Size of a 64-bit ELF file's header and of an entry in its table of segments.
const HEADER: usize = 64;
const ENTRY: usize = 56;

/// Refuses a library whose file is shorter than its header says. Formats other than ELF are left to the loader.
pub(super) fn refuse_cut(library: &Path) -> Result<(), String> {
    match needed_bytes(library) {
        Ok(Some((needed, there))) if there < needed => Err(format!(
            "it is truncated: it has {there} bytes of at least {needed}"
        )),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// The end of the last segment and of the file, in bytes; `None` if it is not a 64-bit ELF file.
fn needed_bytes(library: &Path) -> io::Result<Option<(u64, u64)>> {
    let mut file = File::open(library)?;
    let there = file.metadata()?.len();
    let mut header = [0; HEADER];
    if file.read_exact(&mut header).is_err() || header[..6] != *b"\x7fELF\x02\x01" {
        return Ok(None);
    }
    let half = |at: usize| u64::from(u16::from_le_bytes([header[at], header[at + 1]]));
    let (table, entry, entries) = (long(&header, 32), half(54), half(56));
    if entry != ENTRY as u64 {
        return Ok(None);
    }
    let table_end = table.saturating_add(entry * entries);
    let mut needed = table_end;
    if table_end <= there {
        file.seek(SeekFrom::Start(table))?;
        for _ in 0..entries {
            let mut segment = [0; ENTRY];
            file.read_exact(&mut segment)?;
            needed = needed.max(long(&segment, 8).saturating_add(long(&segment, 32)));
        }
    }
    Ok(Some((needed, there)))
}

/// A little-endian 64-bit number.
fn long(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

/// Refuses a file or folder of the cache that users other than its owner and the administrator may write to.
#[cfg(unix)]
pub(super) fn refuse_writable(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let found = path.metadata().map_err(|error| error.to_string())?;
    let owner = found.uid();
    if found.mode() & 0o002 != 0 {
        return Err("everybody may write to it".to_owned());
    }
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(format!("it belongs to another user, {owner}"));
    }
    Ok(())
}

/// On this system permissions are not expressed in mode bits.
#[cfg(not(unix))]
pub(super) fn refuse_writable(_path: &Path) -> Result<(), String> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_library_that_was_cut_anywhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        // The test program itself is an ELF file.
        let program = std::env::current_exe().unwrap();
        assert_eq!(refuse_cut(&program), Ok(()));
        let (needed, _) = needed_bytes(&program).unwrap().unwrap();
        let bytes = fs::read(&program).unwrap();
        let cut = folder.path().join("cut.so");
        // What follows the last segment (names, debug information) is not loaded and may be missing.
        let needed = usize::try_from(needed).unwrap();
        for length in [65, 1000, needed / 2, needed - 1] {
            fs::write(&cut, &bytes[..length]).unwrap();
            let refused = refuse_cut(&cut).unwrap_err();
            assert!(refused.starts_with("it is truncated: it has "), "{refused}");
        }
        fs::write(&cut, "no library").unwrap();
        assert_eq!(refuse_cut(&cut), Ok(()), "the loader says what it is not");
    }

    #[test]
    fn what_everybody_may_write_to_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(refuse_writable(folder.path()), Ok(()));
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let refused = refuse_writable(folder.path()).unwrap_err();
        assert_eq!(refused, "everybody may write to it");
    }
}
