//! Merges run folders with the same plan into one: shards from machines that share no file system. Shards in a single
//! folder need no merging.
//!
//! The result does not depend on the order in which folders are given, and merging again changes nothing. What the
//! target already has stays; among the other folders, the image that was finished first is taken.

use std::collections::HashSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::RunnerError;
use crate::image::decode_png;
use crate::judge::advice::advise;
use crate::parallel::try_collect;
use crate::plan::{Cut, Fitted, Plan, Shard};
use crate::store::{Environment, HeldFolder, Planned, Records, Repeated, Run, RunFolder};
use crate::vocabulary::{CellKey, Race, Record, Status};

/// Why run folders cannot be merged.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum MergeError {
    /// They have different plans.
    #[error("{} and {} have different plans: {key} differs", one.display(), other.display())]
    #[diagnostic(help(
        "merge the shards of one sweep, run with the same sweep file, images and models; `ip2p compare` takes runs that differ"
    ))]
    OtherPlan {
        /// One of the folders.
        one: PathBuf,
        /// Another of them.
        other: PathBuf,
        /// The first key of their plans that differs.
        key: String,
    },
}

/// The result of a merge.
#[derive(Debug)]
pub struct Merged {
    /// The run as it is now.
    pub run: Run,
    /// Number of cells taken over from other folders.
    pub added: usize,
    /// Cells that were computed more than once.
    pub repeated: Vec<Repeated>,
    /// Cells without a record, as indices into [`Plan::cells`].
    pub missing: Vec<usize>,
    /// Number of cells that were attempted but have no image.
    pub failed: usize,
    /// Notes for the user on the folder as it was found.
    pub notes: Vec<String>,
    /// The sweep file, if known.
    pub sweep: Option<PathBuf>,
    /// The number of parts that the folders' shards were cut into, if there were any.
    parts: Option<NonZeroUsize>,
}

impl Merged {
    /// The table of its cells.
    pub fn table(&self) -> PathBuf {
        self.run.table()
    }

    /// The shards that have missing cells; empty if there were no shards.
    pub fn missing_shards(&self) -> Vec<Shard> {
        let Some(parts) = self.parts else {
            return Vec::new();
        };
        let cut = Cut::new(&self.run.plan, parts);
        let is_missing = |cell: &usize| self.missing.binary_search(cell).is_ok();
        let shards = Shard::all(parts);
        shards
            .filter(|shard| cut.cells(shard.index()).iter().any(is_missing))
            .collect()
    }
}

/// Merges other folders into a run folder, which is created if needed.
///
/// # Errors
/// If they do not have the same plan, or a folder cannot be read or written.
pub fn merge(out: &Path, others: &[PathBuf]) -> Result<Merged, RunnerError> {
    let there = match others.is_empty() {
        true => Some(Planned::read(out)?),
        false => Planned::find(out)?,
    };
    let of = match (&there, others.first()) {
        (Some(_), _) | (None, None) => out,
        (None, Some(first)) => first,
    };
    let plan = match &there {
        Some(there) => Arc::clone(&there.plan),
        None => Planned::read(of)?.plan,
    };
    let own = there.as_ref().and_then(|there| there.sweep_file(out));
    // What is there is read first, so that the others' records of the same cells, as an earlier merge took them over,
    // are in memory once. A folder that is not there is made last: something may be wrong with the others.
    let held = match there {
        Some(there) => Some(HeldFolder::take_to_merge(out, &plan, Some(there))?),
        None => None,
    };
    let runs = read_all(of, &plan, others, held.as_ref().map(HeldFolder::records))?;
    let (mut folder, notes, sweep) = open(out, &plan, own, held, &runs)?;
    let shards = folder.run().shards.iter();
    let mut shards = shards.chain(runs.iter().flat_map(|run| &run.shards));
    let parts = shards.next_back().map(|shard| shard.count());
    let TakenOver { added, repeated } = take_over(&mut folder, &runs)?;
    let told = advise(&folder.run().of_last_stage()).for_tables();
    folder.finish_with_advice(&told)?;
    folder.keep_verified();
    let pending = folder.pending().into_iter();
    let (failed, missing): (Vec<usize>, Vec<usize>) =
        pending.partition(|&cell| folder.record_of(cell).is_some());
    let run = folder.into_run();
    Ok(Merged {
        repeated: run.repeated.iter().cloned().chain(repeated).collect(),
        run,
        added,
        missing,
        failed: failed.len(),
        notes,
        sweep,
        parts,
    })
}

/// Reads folders, which must be of the plan of another; `records` are that one's.
fn read_all(
    of: &Path,
    plan: &Arc<Plan>,
    folders: &[PathBuf],
    records: Option<&Records>,
) -> Result<Vec<Run>, RunnerError> {
    if folders.is_empty() {
        return Ok(Vec::new());
    }
    let digest = plan.digest();
    let none = Records::default();
    let records = records.unwrap_or(&none);
    let read = |folder: &PathBuf| Run::read_sharing(folder, plan, &digest, records);
    let runs = try_collect(folders.par_iter().map(read))?;
    for run in &runs {
        if Arc::ptr_eq(&run.plan, plan) {
            continue;
        }
        if let Some(key) = plan.first_difference(&run.plan) {
            return Err(MergeError::OtherPlan {
                one: of.to_owned(),
                other: run.folder.clone(),
                key,
            }
            .into());
        }
    }
    Ok(runs)
}

/// Begins to write the target, which is made if it is not there; also returns notes for the user, and the sweep file,
/// of which `own` is the target's.
fn open(
    out: &Path,
    plan: &Arc<Plan>,
    own: Option<PathBuf>,
    held: Option<HeldFolder>,
    runs: &[Run],
) -> Result<(RunFolder, Vec<String>, Option<PathBuf>), RunnerError> {
    let is_there = held.is_some();
    let sweep = own.or_else(|| runs.iter().find_map(Run::sweep_file));
    let mut held = match held {
        Some(held) => held,
        None => HeldFolder::take_to_merge(out, plan, None)?,
    };
    if let (false, Some(sweep)) = (is_there, &sweep) {
        held = held.of_sweep(sweep, true)?;
    }
    let notes = held.notes().to_vec();
    // Not this process's environment, because it makes no images.
    let environments = runs.iter().map(|run| &run.environment);
    let environment = match held.environment() {
        Some(environment) => environment.clone(),
        None => match environments.min_by_key(|environment| environment.started) {
            Some(environment) => environment.clone(),
            None => Environment::unknown(),
        },
    };
    let text_in = |folder: &Path| fs::read_to_string(folder.join("sweep.toml")).ok();
    let texts = || runs.iter().filter_map(|run| text_in(&run.folder));
    let text = match is_there {
        true => text_in(out).or_else(|| texts().next()),
        false => texts().min(),
    };
    let begun = held.begin_without_tables(&text.unwrap_or_default(), &environment)?;
    Ok((begun, notes, sweep))
}

/// What was taken over from other folders.
struct TakenOver {
    added: usize,
    repeated: Vec<Repeated>,
}

fn take_over(folder: &mut RunFolder, runs: &[Run]) -> Result<TakenOver, RunnerError> {
    let target = folder.run();
    let candidates = candidates(&target.plan, runs);
    let by_cell: Vec<&[(u32, u32)]> = candidates.chunk_by(|one, next| one.0 == next.0).collect();
    let found = try_collect(by_cell.par_iter().map(|candidates| {
        let key = &target.plan.cells[candidates[0].0 as usize].key;
        let runs = candidates.iter().map(|(_, run)| &runs[*run as usize]);
        of_cell(target, runs.collect(), key)
    }))?;
    let mut repeated = Vec::new();
    let mut records = Vec::new();
    for Found { record, others } in found {
        records.extend(record);
        repeated.extend(others);
    }
    take_over_inputs(target, runs)?;
    let done = records.iter();
    let done = done.filter(|(record, _)| record.status == Status::Done);
    let added = done.count();
    folder.take_over(records)?;
    Ok(TakenOver { added, repeated })
}

/// The images and masks of the sweep file that cells work on; those that other cells made come with these cells.
fn take_over_inputs(target: &Run, runs: &[Run]) -> Result<(), RunnerError> {
    if runs.is_empty() {
        return Ok(());
    }
    let plan = &target.plan;
    let is_given = |fitted: &Fitted| {
        let image = plan.image(fitted.image);
        image.is_none_or(|image| image.cell.is_none())
    };
    let inputs = plan.inputs_of(0..plan.cells.len()).into_iter();
    for fitted in inputs.filter(is_given) {
        if target.inputs().find(fitted).is_err() {
            let mut images = runs.iter().filter_map(|run| run.inputs().read(fitted).ok());
            if let Some(image) = images.next() {
                target.inputs().keep(fitted, &image)?;
            }
        }
    }
    let masks = plan.cells.iter().filter_map(|cell| plan.mask_of(cell));
    for fitted in masks.collect::<HashSet<_>>() {
        if target.inputs().find_mask(fitted).is_none() {
            for run in runs {
                if target.inputs().take_mask(fitted, &run.inputs())? {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// The cells of a plan that runs have records of, as pairs of indices into the plan's cells and the runs, in order.
fn candidates(plan: &Plan, runs: &[Run]) -> Vec<(u32, u32)> {
    if runs.is_empty() {
        return Vec::new();
    }
    // There are at most a million cells.
    let place_of = |key: &CellKey| u32::try_from(plan.place_of(key)?).ok();
    let mut candidates = Vec::new();
    for (run, number) in runs.iter().zip(0..) {
        let recorded = run.records.keys().filter_map(place_of);
        candidates.extend(recorded.map(|place| (place, number)));
    }
    candidates.sort_unstable();
    candidates
}

/// What other folders have of a cell.
#[derive(Default)]
struct Found<'r> {
    /// The record to add; its image is already in place.
    record: Option<(Arc<Record>, &'r Environment)>,
    others: Vec<Repeated>,
}

fn of_cell<'r>(target: &Run, runs: Vec<&'r Run>, key: &CellKey) -> Result<Found<'r>, RunnerError> {
    let with_record = |run: &'r Run| Some((run, run.records.shared(key)?));
    let mut candidates: Vec<(&Run, &Arc<Record>)> =
        runs.into_iter().filter_map(with_record).collect();
    // Sorted, so that the result does not depend on the order of the folders.
    let text =
        |(run, _): &(&Run, &Arc<Record>)| serde_json::json!(run.environment_of(key)).to_string();
    candidates.sort_by_cached_key(|candidate| {
        (
            candidate.1.status != Status::Done,
            candidate.1.finished,
            text(candidate),
        )
    });
    let own = target.records.shared(key);
    let done = own.filter(|record| record.status == Status::Done);
    let mut kept = done.map(|record| (target, record));
    let mut found = Found::default();
    for (run, record) in candidates {
        if record.status == Status::Failed {
            let is_news = own.is_none() && kept.is_none() && found.record.is_none();
            if is_news {
                found.record = Some((Arc::clone(record), run.environment_of(key)));
            }
            continue;
        }
        // The same computation, taken over by an earlier merge.
        let is_same = |(_, first): &(&Run, &Arc<Record>)| {
            first.finished == record.finished && first.file == record.file
        };
        if kept.as_ref().is_some_and(is_same) {
            continue;
        }
        let Some((first, _)) = &kept else {
            if target.take_image(key, run)? {
                found.record = Some((Arc::clone(record), run.environment_of(key)));
                kept = Some((run, record));
            }
            continue;
        };
        if let Ok(bytes) = run.image_bytes(key) {
            found.others.push(Repeated {
                cell: key.clone(),
                race: compare(first.image_bytes(key).ok().as_ref(), &bytes),
                environment: run.environment_of(key).clone(),
            });
        }
    }
    Ok(found)
}

fn compare(first: Option<&Vec<u8>>, second: &[u8]) -> Race {
    let pixels = |bytes: &[u8]| decode_png(bytes).ok();
    let first = first.map(|bytes| bytes.as_slice());
    match first.is_some_and(|first| first == second || pixels(first) == pixels(second)) {
        true => Race::SamePixels,
        false => Race::OtherPixels,
    }
}
