//! Which sweep a run folder belongs to: two sweeps with the same name must not overwrite each other's run.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{Planned, StoreError};
use crate::plan::Plan;

/// The path of a sweep file, relative to an existing run folder.
pub(super) fn relative(folder: &Path, sweep: &Path) -> Option<PathBuf> {
    let (folder, sweep) = (folder.canonicalize().ok()?, sweep.canonicalize().ok()?);
    Some(pathdiff::diff_paths(&sweep, folder).unwrap_or(sweep))
}

/// Refuses the run of another sweep: its file still exists, is a different one, and has other cells. A sweep file that
/// was edited or renamed is still the same sweep.
pub(super) fn refuse_other(
    folder: &Path,
    earlier: &Planned,
    sweep: &Path,
    plan: &Plan,
) -> Result<(), StoreError> {
    let Some(recorded) = &earlier.sweep else {
        return Ok(());
    };
    let theirs = folder.join(recorded).canonicalize();
    let (Ok(theirs), Ok(ours)) = (theirs, sweep.canonicalize()) else {
        return Ok(());
    };
    if theirs == ours || cells(&earlier.plan) == cells(plan) {
        return Ok(());
    }
    Err(StoreError::OtherSweep {
        folder: folder.to_owned(),
        sweep: theirs,
    })
}

fn cells(plan: &Plan) -> HashSet<&str> {
    plan.cells.iter().map(|cell| cell.key.hash()).collect()
}
