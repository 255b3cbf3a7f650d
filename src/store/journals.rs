//! All journals of a run folder read as one: `journal.jsonl`, and `shards/3-of-8.jsonl` for each process that worked
//! beside others.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::journal::{self, Contents};
use super::{Environment, StoreError};
use crate::parallel::try_collect;
use crate::plan::Shard;
use crate::vocabulary::{CellKey, Race, Record, Status};

/// The folder of the shards' journals.
pub(super) const FOLDER: &str = "shards";
/// The extension of their names.
const EXTENSION: &str = "jsonl";

/// What the journals tell about the cells of a run.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// For each cell, the record that counts.
    pub(super) records: HashMap<CellKey, Record>,
    /// The environments the cells were made in, each once; the last one is that of the process started last.
    pub(super) environments: Vec<Environment>,
    /// For cells that were not made in the last environment, the index of theirs.
    pub(super) made_with: HashMap<CellKey, usize>,
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
        let mut made_with = HashMap::new();
        known.add(&main, contents, &mut made_with);
        let paths = paths(folder)?;
        let contents = try_collect(paths.par_iter().map(|(_, path)| journal::read(path)))?;
        for ((shard, path), contents) in paths.into_iter().zip(contents) {
            if known.shards.last() != Some(&shard) {
                known.shards.push(shard);
            }
            known.add(&path, contents, &mut made_with);
        }
        known.move_latest_to_end(made_with);
        Ok(known)
    }

    /// Whether all records are of the plan with this digest, and there are some.
    pub(super) fn is_all_of(&self, plan: &str) -> bool {
        let mut plans = self.plans.iter();
        plans.next().is_some_and(|of| of.as_deref() == Some(plan)) && plans.next().is_none()
    }

    /// Adds the last record of each cell in a journal, unless another journal has one that takes precedence.
    fn add(&mut self, path: &Path, contents: Contents, made_with: &mut HashMap<CellKey, usize>) {
        self.notes.extend(notes_of(path, &contents.unreadable));
        let first = contents.begins.first().map(|(at, _)| *at);
        if first.is_none_or(|at| at > 0) && !contents.records.is_empty() {
            self.plans.insert(None);
        }
        let plans = contents.begins.iter().map(|(_, begin)| &begin.plan);
        self.plans.extend(plans.cloned().map(Some));
        let mut own: HashMap<CellKey, (Record, usize)> = HashMap::new();
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
        for (cell, (record, environment)) in own {
            if let (Some(race), Some(made)) = (record.race, self.environments.get(environment)) {
                self.repeated.push(Repeated {
                    cell: cell.clone(),
                    race,
                    environment: made.clone(),
                });
            }
            match self.records.entry(cell) {
                Entry::Occupied(mut entry) if counts_more(&record, entry.get()) => {
                    made_with.insert(entry.key().clone(), environment);
                    entry.insert(record);
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(entry) => {
                    made_with.insert(entry.key().clone(), environment);
                    entry.insert(record);
                }
            }
        }
    }

    /// The index of an environment, added if it is new.
    fn number(&mut self, environment: Environment) -> usize {
        let place = self
            .environments
            .iter()
            .position(|known| *known == environment);
        place.unwrap_or_else(|| {
            self.environments.push(environment);
            self.environments.len() - 1
        })
    }

    /// Adds the environment of a process that begins to write.
    pub(super) fn began<'a>(
        &mut self,
        environment: Environment,
        done: impl Iterator<Item = &'a CellKey>,
    ) {
        if let Some(last) = self.environments.len().checked_sub(1) {
            for cell in done {
                self.made_with.entry(cell.clone()).or_insert(last);
            }
        }
        self.environments.push(environment);
    }

    /// Moves the environment that was started last to the end, and notes which cells have another.
    fn move_latest_to_end(&mut self, made_with: HashMap<CellKey, usize>) {
        self.repeated
            .sort_by(|one, other| one.cell.cmp(&other.cell));
        let started = self.environments.iter().enumerate();
        let Some((last, _)) = started.max_by_key(|(_, environment)| environment.started) else {
            return;
        };
        let end = self.environments.len() - 1;
        self.environments.swap(last, end);
        let moved = |place: usize| match place {
            _ if place == last => end,
            _ if place == end => last,
            _ => place,
        };
        let made_with = made_with
            .into_iter()
            .map(|(cell, place)| (cell, moved(place)));
        self.made_with = made_with.filter(|(_, place)| *place != end).collect();
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
