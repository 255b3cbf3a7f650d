//! Reports a regression once: cells made from a cell that did not come out as accepted are marked as followers.

use std::collections::HashMap;

use super::error::JudgeError;
use super::verdict::{Cause, CellCheck, Verdict};
use crate::plan::Plan;
use crate::vocabulary::CellKey;

/// Gives those of the cells at `indices` whose ancestors' images changed or are missing the verdict `Follows`.
/// `verdict` gives the verdicts of cells in other shards.
pub(super) fn mark_followers(
    plan: &Plan,
    indices: &[usize],
    checks: &mut [CellCheck],
    verdict: impl Fn(usize) -> Result<CellCheck, JudgeError>,
) -> Result<(), JudgeError> {
    if plan.stages.len() < 2 {
        return Ok(());
    }
    let keys = plan.cells.iter().zip(0..);
    let index_of: HashMap<&CellKey, usize> = keys.map(|(cell, index)| (&cell.key, index)).collect();
    let mut verdicts: HashMap<usize, Verdict> = (indices.iter())
        .zip(checks.iter())
        .map(|(&index, check)| (index, check.verdict))
        .collect();
    for (&index, check) in indices.iter().zip(checks) {
        let cell = &plan.cells[index];
        let mut nearest = None;
        // Names the nearest ancestor that changed; if the whole path did, each cell names its predecessor.
        for ancestor in plan.ancestors(cell) {
            let Some(&place) = index_of
                .get(&ancestor.key)
                .filter(|_| plan.is_checked(ancestor))
            else {
                continue;
            };
            let found = match verdicts.get(&place) {
                Some(found) => *found,
                None => verdict(place)?.verdict,
            };
            verdicts.insert(place, found);
            if !matches!(found, Verdict::Same | Verdict::Within) {
                nearest = Some((ancestor, found));
            }
        }
        let Some((ancestor, found)) = nearest else {
            continue;
        };
        if !matches!(
            check.verdict,
            Verdict::Regression | Verdict::Error | Verdict::Drift
        ) {
            continue;
        }
        check
            .causes
            .insert(0, Cause::Input(ancestor.key.to_string()));
        // An ancestor that passes is no excuse for a cell that does not.
        if !found.passes() && check.verdict != Verdict::Drift {
            check.verdict = Verdict::Follows;
        }
    }
    Ok(())
}
