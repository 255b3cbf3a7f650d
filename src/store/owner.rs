//! Whose a run folder is: two sweeps of one name must not take turns in one folder.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::environment::PlanFile;
use crate::plan::Plan;

/// Where a sweep file lies, seen from a run folder that is there.
pub(super) fn relative(folder: &Path, sweep: &Path) -> Option<PathBuf> {
    let (folder, sweep) = (folder.canonicalize().ok()?, sweep.canonicalize().ok()?);
    Some(pathdiff::diff_paths(&sweep, folder).unwrap_or(sweep))
}

/// Refuses the run of another sweep: of one whose file is still there and is not this one, unless it has just the
/// same cells. A file that was edited or renamed is the same sweep.
pub(super) fn refuse_other(
    folder: &Path,
    earlier: &PlanFile,
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
