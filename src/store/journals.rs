//! All journals of a run folder read as one: `journal.jsonl`, and `shards/3-of-8.jsonl` for each process that worked
//! beside others.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::journal::{self, Contents};
use super::{Environment, Records, StoreError};
use crate::parallel::try_collect;
use crate::plan::Shard;
use crate::vocabulary::{CellKey, Race, Record, Status};

/// The folder of the shards' journals.
pub(super) const FOLDER: &str = "shards";
/// The extension of their names.
const EXTENSION: &str = "jsonl";
/// How many journals are read at once.
const AT_ONCE: usize = 64;

/// What the journals tell about the cells of a run.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// For each cell, the record that counts.
    pub(super) records: Records,
    /// The environments the cells were made in, each once; the last one is that of the process started last.
    pub(super) environments: Vec<Environment>,
    /// Cells that several processes computed.
    pub(super) repeated: Vec<Repeated>,
    /// The shards that have a journal, in order.
    pub(super) shards: Vec<Shard>,
    /// Notes for the user on the journals.
    pub(super) notes: Vec<String>,
    /// The digests of the plans that records are of; none of records before any begin line.
    pub(super) plans: BTreeSet<Option<String>>,
    /// Number of bytes of complete lines in `journal.jsonl`.
    pub(super) length: u64,
}

/// A cell that was computed twice; the first image was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// The cell.
    pub cell: CellKey,
    /// How the later image compares with the one that was kept.
    pub race: Race,
    /// The environment of the later image.
    pub environment: Environment,
}

impl Known {
    /// Reads all journals of a folder; `first` is the environment, from an earlier plan, of records that name none.
    pub(super) fn read(folder: &Path, first: Option<Environment>) -> Result<Self, StoreError> {
        let mut known = Self::default();
        known.environments.extend(first);
        let main = folder.join(journal::NAME);
        let contents = journal::read(&main)?;
        known.length = contents.length;
        known.add(&main, contents);
        // Some at a time, so that few are in memory beside what is kept of them.
        for paths in paths(folder)?.chunks(AT_ONCE) {
            let contents = try_collect(paths.par_iter().map(|(_, path)| journal::read(path)))?;
            for ((shard, path), contents) in paths.iter().zip(contents) {
                if known.shards.last() != Some(shard) {
                    known.shards.push(*shard);
                }
                known.add(path, contents);
            }
        }
        known.move_latest_to_end();
        Ok(known)
    }

    /// Whether all records are of the plan with this digest, and there are some.
    pub(super) fn is_all_of(&self, plan: &str) -> bool {
        let mut plans = self.plans.iter();
        plans.next().is_some_and(|of| of.as_deref() == Some(plan)) && plans.next().is_none()
    }

    /// Adds the last record of each cell in a journal, unless another journal has one that takes precedence.
    fn add(&mut self, path: &Path, contents: Contents) {
        self.notes.extend(notes_of(path, &contents.unreadable));
        let first = contents.begins.first().map(|(at, _)| *at);
        if first.is_none_or(|at| at > 0) && !contents.records.is_empty() {
            self.plans.insert(None);
        }
        let plans = contents.begins.iter().map(|(_, begin)| &begin.plan);
        self.plans.extend(plans.cloned().map(Some));
        let mut own: HashMap<CellKey, (Arc<Record>, u32)> = HashMap::new();
        let mut begins = contents.begins.into_iter().peekable();
        // Records without a begin line have the plan's environment, which is the first.
        let mut environment = 0;
        for (place, record) in contents.records.into_iter().enumerate() {
            while let Some((_, begin)) = begins.next_if(|(at, _)| *at <= place) {
                environment = self.number(begin.environment);
            }
            own.insert(record.cell.clone(), (record, environment));
        }
        for (_, begin) in begins {
            self.number(begin.environment);
        }
        self.records.reserve(own.len());
        for (cell, (record, environment)) in own {
            let made = self.environments.get(environment as usize);
            if let (Some(race), Some(made)) = (record.race, made) {
                self.repeated.push(Repeated {
                    cell: cell.clone(),
                    race,
                    environment: made.clone(),
                });
            }
            let known = self.records.get(&cell);
            if known.is_none_or(|known| counts_more(&record, known)) {
                self.records.put(cell, record, Some(environment));
            }
        }
    }

    /// The index of an environment, added if it is new.
    fn number(&mut self, environment: Environment) -> u32 {
        let mut known = self.environments.iter();
        let place = known.position(|known| *known == environment);
        let place = place.unwrap_or_else(|| {
            self.environments.push(environment);
            self.environments.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    /// Moves the environment that was started last to the end, and notes which cells have another.
    fn move_latest_to_end(&mut self) {
        self.repeated
            .sort_by(|one, other| one.cell.cmp(&other.cell));
        let started = self.environments.iter().enumerate();
        let Some((last, _)) = started.max_by_key(|(_, environment)| environment.started) else {
            self.records.move_environments(|_| None);
            return;
        };
        let end = self.environments.len() - 1;
        self.environments.swap(last, end);
        self.records
            .move_environments(|place| match place? as usize {
                place if place == last => None,
                place if place == end => u32::try_from(last).ok(),
                _ => place,
            });
    }
}

/// Whether a record takes precedence over one from another journal: a done cell over a failed one, the process that put
/// the image in place over one that found it there, then the later record.
fn counts_more(record: &Record, other: &Record) -> bool {
    let rank = |record: &Record| {
        (
            record.status == Status::Done,
            record.race.is_none(),
            record.finished,
            // Measured later, perhaps by another process.
            record.clip.is_some(),
        )
    };
    rank(record) > rank(other)
}

/// The journals of the shards, grouped by how many parts the plan was cut into.
pub(super) fn paths(folder: &Path) -> Result<Vec<(Shard, PathBuf)>, StoreError> {
    let shards = folder.join(FOLDER);
    let entries = match fs::read_dir(&shards) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::read(&shards)(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(StoreError::read(&shards))?.path();
        let is_journal = path.extension().is_some_and(|end| end == EXTENSION);
        let shard = path.file_stem().and_then(|stem| shard_of(stem.to_str()?));
        if let (true, Some(shard)) = (is_journal, shard) {
            paths.push((shard, path));
        }
    }
    paths.sort();
    Ok(paths)
}

/// The shard of `3-of-8`, or of `3-of-8.2`, which a second process with the same part writes.
fn shard_of(stem: &str) -> Option<Shard> {
    let plain = stem.split_once('.').map_or(stem, |(plain, _)| plain);
    Shard::from_file_stem(plain)
}

/// The file of a writer's journal.
pub(super) fn path_of(folder: &Path, writer: &str) -> PathBuf {
    folder.join(FOLDER).join(format!("{writer}.{EXTENSION}"))
}

fn notes_of(journal: &Path, unreadable: &[usize]) -> Vec<String> {
    let note = |line| {
        format!(
            "{}: line {line} cannot be read and is skipped; its cell is computed again",
            journal.display()
        )
    };
    unreadable.iter().map(note).collect()
}
