//! Merges run folders with the same plan into one: shards from machines that share no file system. Shards in a single
//! folder need no merging.
//!
//! The result does not depend on the order in which folders are given, and merging again changes nothing. What the
//! target already has stays; among the other folders, the image that was finished first is taken.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::RunnerError;
use crate::judge::advice::advise;
use crate::parallel::try_collect;
use crate::plan::{Cut, Plan, Shard};
use crate::store::{Environment, HeldFolder, Repeated, Run, RunFolder, StoreError};
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
    let mut runs = Vec::new();
    for folder in others {
        runs.push(Run::read(folder)?);
    }
    let there = match Run::find(out)? {
        None if runs.is_empty() => Some(Run::read(out)?),
        there => there,
    };
    check_plans(there.as_ref().into_iter().chain(&runs))?;
    let all = || there.iter().chain(&runs);
    let Some(plan) = all().next().map(|run| run.plan.clone()) else {
        return Err(StoreError::NotARun {
            folder: out.to_owned(),
        }
        .into());
    };
    let mut parts = all().flat_map(|run| &run.shards).map(|shard| shard.count());
    let parts = parts.next_back();
    let sweep = all().find_map(Run::sweep_file);
    let (mut folder, notes) = open(out, &plan, there.as_ref(), &runs, sweep.as_deref())?;
    let TakenOver { added, repeated } = take_over(&mut folder, &runs)?;
    let told = advise(&folder.run().of_last_stage()).for_tables();
    folder.finish_with_advice(&told)?;
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

fn check_plans<'a>(mut runs: impl Iterator<Item = &'a Run>) -> Result<(), MergeError> {
    let Some(first) = runs.next() else {
        return Ok(());
    };
    for run in runs {
        if let Some(key) = first.plan.first_difference(&run.plan) {
            return Err(MergeError::OtherPlan {
                one: first.folder.clone(),
                other: run.folder.clone(),
                key,
            });
        }
    }
    Ok(())
}

/// Opens and locks the target; also returns notes for the user.
fn open(
    out: &Path,
    plan: &Plan,
    there: Option<&Run>,
    runs: &[Run],
    sweep: Option<&Path>,
) -> Result<(RunFolder, Vec<String>), RunnerError> {
    let mut held = HeldFolder::take(out, plan)?;
    if let (None, Some(sweep)) = (there, sweep) {
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
    let folders = there.into_iter().chain(runs);
    let texts = folders.map(|run| fs::read_to_string(run.folder.join("sweep.toml")));
    let text = match there {
        Some(_) => texts.flatten().next(),
        None => texts.flatten().min(),
    };
    Ok((held.begin(&text.unwrap_or_default(), &environment)?, notes))
}

/// What was taken over from other folders.
struct TakenOver {
    added: usize,
    repeated: Vec<Repeated>,
}

fn take_over(folder: &mut RunFolder, runs: &[Run]) -> Result<TakenOver, RunnerError> {
    let target = folder.run();
    let cells = target.plan.cells.par_iter();
    let found = try_collect(cells.map(|cell| of_cell(target, runs, &cell.key)))?;
    let mut repeated = Vec::new();
    let mut records = Vec::new();
    for Found { record, others } in found {
        records.extend(record);
        repeated.extend(others);
    }
    for fitted in target.plan.inputs_of(0..target.plan.cells.len()) {
        if target.inputs().find(fitted).is_err() {
            let mut images = runs.iter().filter_map(|run| run.inputs().read(fitted).ok());
            if let Some(image) = images.next() {
                target.inputs().keep(fitted, &image)?;
            }
        }
    }
    let added = records.iter();
    let added = added.filter(|(record, _)| record.status == Status::Done);
    let added = added.count();
    folder.take_over(records)?;
    Ok(TakenOver { added, repeated })
}

/// What other folders have of a cell.
#[derive(Default)]
struct Found {
    /// The record to add; its image is already in place.
    record: Option<(Record, Environment)>,
    others: Vec<Repeated>,
}

fn of_cell(target: &Run, runs: &[Run], key: &CellKey) -> Result<Found, RunnerError> {
    let mut candidates: Vec<(&Run, &Record)> = runs
        .iter()
        .filter_map(|run| Some((run, run.records.get(key)?)))
        .collect();
    // Sorted, so that the result does not depend on the order of the folders.
    let text = |(run, _): &(&Run, &Record)| serde_json::json!(run.environment_of(key)).to_string();
    candidates.sort_by_cached_key(|candidate| {
        (
            candidate.1.status != Status::Done,
            candidate.1.finished,
            text(candidate),
        )
    });
    let own = target.records.get(key);
    let done = own.filter(|record| record.status == Status::Done);
    let mut kept = done.map(|record| (record.clone(), target.image_bytes(key)));
    let mut found = Found::default();
    for (run, record) in candidates {
        if record.status == Status::Failed {
            let is_news = own.is_none() && kept.is_none() && found.record.is_none();
            if is_news {
                found.record = Some((record.clone(), run.environment_of(key).clone()));
            }
            continue;
        }
        let Ok(bytes) = run.image_bytes(key) else {
            continue;
        };
        match &kept {
            None => {
                target.keep_image(key, &run.folder, &bytes)?;
                found.record = Some((record.clone(), run.environment_of(key).clone()));
                kept = Some((record.clone(), Ok(bytes)));
            }
            // The same computation, taken over by an earlier merge.
            Some((first, _)) if first.finished == record.finished && first.file == record.file => {}
            Some((_, first)) => found.others.push(Repeated {
                cell: key.clone(),
                race: compare(first.as_ref().ok(), &bytes),
                environment: run.environment_of(key).clone(),
            }),
        }
    }
    Ok(found)
}

fn compare(first: Option<&Vec<u8>>, second: &[u8]) -> Race {
    let pixels = |bytes: &[u8]| image::load_from_memory(bytes).ok().map(|it| it.into_rgb8());
    let first = first.map(|bytes| bytes.as_slice());
    match first.is_some_and(|first| first == second || pixels(first) == pixels(second)) {
        true => Race::SamePixels,
        false => Race::OtherPixels,
    }
}
