//! A run folder that is locked and read, before anything is written to it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::begin::Begin;
use super::folder::Beside;
use super::journal::{self, Journal};
use super::journals::{self, Known};
use super::lock::Lock;
use super::plan_file::{self, PlanText};
use super::renamed::{self, Renamed};
use super::verified::Verified;
use super::{
    Environment, Planned, Records, Run, RunFolder, StoreError, files, images, inputs, owner,
};
use crate::plan::{Cell, Plan, Shard};
use crate::vocabulary::{CellKey, Record, Status};

/// A run folder that this process has locked and read, but not begun to write.
#[derive(Debug)]
pub struct HeldFolder {
    folder: PathBuf,
    plan: Arc<Plan>,
    /// The last record of each cell that has one; if the record says done, the image exists.
    records: Records,
    /// What the journals tell besides the records.
    known: Known,
    /// Cells of the plan whose image differs from what was recorded.
    damaged: HashSet<CellKey>,
    /// Whether others may work here at the same time.
    hold: Hold,
    /// The earlier `plan.json` in the folder, if it could be read.
    earlier: Option<Planned>,
    /// Whether it was read to be gone on with as it is.
    is_reopened: bool,
    /// The sweep file, relative to the folder.
    sweep: Option<PathBuf>,
    /// Cells that are done under other names.
    renamed: Vec<Renamed>,
    notes: Vec<String>,
    /// Images that were read and are as recorded.
    verified: Verified,
    lock: Lock,
}

impl HeldFolder {
    /// Creates the folder if needed, locks it, alone or beside others that run other parts of the plan, and finds out
    /// which cells of the plan are done: those with a journal line that says so and a complete image of their size.
    ///
    /// # Errors
    /// If another process holds the folder, or it contains something other than a run.
    pub fn take(folder: &Path, plan: &Arc<Plan>, hold: Hold) -> Result<Self, StoreError> {
        let verified = Verified::default();
        Self::take_of(folder, Arc::clone(plan), hold, None, verified)
    }

    /// As [`HeldFolder::take`], alone and to merge; `there` is what the folder's `plan.json` says, if it was read.
    /// Images that an earlier merge read, and that have not changed since, are not read again.
    ///
    /// # Errors
    /// Those of [`HeldFolder::take`].
    pub fn take_to_merge(
        folder: &Path,
        plan: &Arc<Plan>,
        there: Option<Planned>,
    ) -> Result<Self, StoreError> {
        let verified = Verified::read(folder);
        Self::take_of(folder, Arc::clone(plan), Hold::Alone, there, verified)
    }

    fn take_of(
        folder: &Path,
        plan: Arc<Plan>,
        hold: Hold,
        there: Option<Planned>,
        verified: Verified,
    ) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(StoreError::write(folder))?;
        files::refuse_link(&folder.join(journal::NAME))?;
        let mut notes = Vec::new();
        let is_reopened = there.is_some();
        let earlier = match there {
            Some(there) => Some(there),
            None => match earlier(folder, &plan, &mut notes) {
                // Another shard began to use the folder at the same moment.
                Err(StoreError::Foreign { .. }) if Run::is_in(folder) => {
                    earlier(folder, &plan, &mut notes)
                }
                earlier => earlier,
            }?,
        };
        let (lock, note) = match hold {
            Hold::Alone => (Lock::take(folder)?, None),
            Hold::Beside { .. } => Lock::share(folder)?,
        };
        notes.extend(note);
        if matches!(hold, Hold::Beside { .. }) && !files::can_place_once(folder) {
            notes.push(format!(
                "{} has no links: if two processes compute the same cell, the image of the later one is kept",
                folder.display()
            ));
        }
        let first = earlier.as_ref().and_then(|file| file.environment.clone());
        let mut known = Known::read(folder, first)?;
        notes.append(&mut known.notes);
        if let Hold::Beside { shard, .. } = hold {
            notes.extend(other_cut(shard, &known.shards));
        }
        let mut records = std::mem::take(&mut known.records);
        let damaged = remove_damaged(folder, &plan, &mut records, &verified);
        let renamed = renamed::find(folder, &plan, &mut records);
        Ok(Self {
            folder: folder.to_owned(),
            plan,
            records,
            known,
            damaged,
            hold,
            sweep: earlier.as_ref().and_then(|earlier| earlier.sweep.clone()),
            earlier,
            is_reopened,
            renamed,
            notes,
            verified,
            lock,
        })
    }

    /// Sets the sweep file that the run belongs to, which the folder keeps; with `replace`, takes over another sweep's
    /// run.
    ///
    /// # Errors
    /// If the folder has the run of another sweep whose file still exists.
    pub fn of_sweep(mut self, sweep: &Path, replace: bool) -> Result<Self, StoreError> {
        if let (Some(earlier), false) = (&self.earlier, replace) {
            owner::refuse_other(&self.folder, earlier, sweep, &self.plan)?;
        }
        self.sweep = owner::relative(&self.folder, sweep);
        Ok(self)
    }

    /// Cells without an image, including failed ones, as indices into [`Plan::cells`], in order.
    pub fn pending(&self) -> Vec<usize> {
        self.records.pending(&self.plan)
    }

    /// The cell's last record, if it has one.
    pub fn record_of(&self, cell: usize) -> Option<&Record> {
        self.records.get(&self.plan.cells.get(cell)?.key)
    }

    /// The last record of the cell with this key, if it has one.
    pub fn record_of_key(&self, cell: &CellKey) -> Option<&Record> {
        self.records.get(cell)
    }

    /// The last record of each cell that has one.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The environment the run was last computed in; `None` if it is new.
    pub fn environment(&self) -> Option<&Environment> {
        self.known.environments.last()
    }

    /// Notes for the user on the folder as it was found.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Writes `sweep.toml` and `plan.json` (and all tables, if alone) and opens the journal.
    ///
    /// # Errors
    /// If they cannot be written, or others are working here on another plan.
    pub fn begin(
        self,
        sweep_text: &str,
        environment: &Environment,
    ) -> Result<RunFolder, StoreError> {
        let mut begun = self.begin_without_tables(sweep_text, environment)?;
        begun.finish()?;
        Ok(begun)
    }

    /// As [`HeldFolder::begin`]; the tables are written when the run is finished.
    ///
    /// # Errors
    /// Those of [`HeldFolder::begin`].
    pub fn begin_without_tables(
        self,
        sweep_text: &str,
        environment: &Environment,
    ) -> Result<RunFolder, StoreError> {
        files::remove_unfinished(&self.folder);
        self.write_plan()?;
        files::update(&self.folder.join("sweep.toml"), sweep_text.as_bytes())?;
        for folder in ["cells", inputs::FOLDER] {
            files::make_folder(&self.folder.join(folder))?;
        }
        let (mut journal, writer) = self.journal()?;
        let Self {
            folder,
            plan,
            mut records,
            mut known,
            ..
        } = self;
        if !known.environments.contains(environment) {
            let shard = writer.as_ref().map(|writer| writer.shard);
            journal.begin(&Begin::new(&plan, environment, shard))?;
            let last = known.environments.len().checked_sub(1);
            let last = last.and_then(|last| u32::try_from(last).ok());
            records.move_environments(|place| place.or(last));
            known.environments.push(environment.clone());
        }
        let mut run = Run::of(folder, plan, records, known);
        run.verified = Arc::new(self.verified);
        let mut renamed = self.renamed;
        if let (Some(writer), false) = (&writer, renamed.is_empty()) {
            let own: HashSet<usize> = writer.shard.cells(&run.plan).into_iter().collect();
            renamed.retain(|renamed| own.contains(&renamed.cell));
        }
        renamed::take_over(&mut run, &mut journal, &renamed, writer.is_none())?;
        Ok(RunFolder {
            tables: None,
            run,
            journal,
            beside: writer.map(|writer| Beside {
                name: writer.name,
                damaged: self.damaged,
                _lock: writer.lock,
            }),
            _lock: self.lock,
        })
    }

    /// Writes `plan.json`; beside others only if it is missing, or belongs to another plan and nobody else is at work.
    fn write_plan(&self) -> Result<(), StoreError> {
        let Self { folder, plan, .. } = self;
        let earlier = self.earlier.as_ref();
        let difference = earlier.and_then(|earlier| earlier.plan.first_difference(plan));
        if self.is_reopened {
            return Ok(());
        }
        let text = PlanText {
            environment: earlier.and_then(|earlier| earlier.environment.as_ref()),
            sweep: self.sweep.clone(),
            plan,
        };
        match (self.hold, earlier, difference) {
            (Hold::Alone, ..) | (_, None, _) => text.update_in(folder),
            (Hold::Beside { .. }, Some(_), None) => Ok(()),
            (Hold::Beside { .. }, Some(_), Some(key)) => self
                .lock
                .alone(|| text.update_in(folder))?
                .unwrap_or_else(|| {
                    Err(StoreError::OtherPlan {
                        folder: folder.clone(),
                        key,
                    })
                }),
        }
    }

    /// Opens this process's journal; beside others also takes a name among them.
    fn journal(&self) -> Result<(Journal, Option<ShardWriter>), StoreError> {
        let folder = &self.folder;
        let Hold::Beside { shard, twins } = self.hold else {
            let journal = Journal::open(&folder.join(journal::NAME), self.known.length)?;
            return Ok((journal, None));
        };
        files::make_folder(&folder.join(journals::FOLDER))?;
        let stem = shard.file_stem();
        // A cluster scheduler may run a task twice, if it believes the first one stopped, cut off or dead.
        let most = if twins { MOST_TWINS } else { 1 };
        let names = (1..=most).map(|number| match number {
            1 => stem.clone(),
            _ => format!("{stem}.{number}"),
        });
        let lock_path = |name: &str| folder.join(journals::FOLDER).join(format!("{name}.lock"));
        let taken = Lock::take_first(names, lock_path)?;
        let Some((lock, name)) = taken else {
            return Err(StoreError::ShardInUse {
                folder: folder.clone(),
                shard,
            });
        };
        let path = journals::path_of(folder, &name);
        let length = journal::read(&path)?.length;
        let writer = ShardWriter { shard, name, lock };
        Ok((Journal::open(&path, length)?, Some(writer)))
    }
}

/// Who may be at work in a run folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// This process only.
    Alone,
    /// Others as well, each on a part of the plan.
    Beside {
        /// This process's part.
        shard: Shard,
        /// Whether another process may be at work on the same part.
        twins: bool,
    },
}

/// A note if existing shards were cut into another number of parts. That is right if the rest is cut anew, but a
/// mistake if a part of a job array was resubmitted and took the array's smaller size for the whole.
fn other_cut(shard: Shard, begun: &[Shard]) -> Option<String> {
    let other = begun.iter().find(|other| other.count() != shard.count())?;
    Some(format!(
        "shards of {} have run here, and this is {shard}: if tasks of an array are resubmitted, give the number \
         of all parts, --shard auto/{}",
        other.count(),
        other.count()
    ))
}

/// How many processes may be given the same part at once.
const MOST_TWINS: usize = 100;

/// A process that works beside others.
struct ShardWriter {
    shard: Shard,
    /// The name of its journal.
    name: String,
    lock: Lock,
}

/// The plan of the run in a folder, if there is one. If the plan is lost or truncated but the journal has cells of the
/// present plan, the folder is accepted and its plan is written again from the sweep.
fn earlier(
    folder: &Path,
    plan: &Arc<Plan>,
    notes: &mut Vec<String>,
) -> Result<Option<Planned>, StoreError> {
    let malformed = match Planned::read_knowing(folder, plan) {
        Ok(planned) => return Ok(Some(planned)),
        Err(StoreError::NotARun { .. }) => None,
        Err(error @ StoreError::Malformed { .. }) => Some(error),
        Err(error) => return Err(error),
    };
    let journal = journal::read(&folder.join(journal::NAME))?.records;
    let hashes: HashSet<&str> = plan.cells.iter().map(|cell| cell.key.hash()).collect();
    let fits = |record: &Arc<Record>| hashes.contains(record.cell.hash());
    if journal.iter().any(fits) {
        let path = folder.join(plan_file::NAME);
        notes.push(format!(
            "{} was lost or damaged; it is written again from the sweep file",
            path.display()
        ));
        return Ok(None);
    }
    match malformed {
        None => refuse_foreign(folder).map(|()| None),
        Some(malformed) => Err(malformed),
    }
}

/// Refuses a folder with content that is not a run: it belongs to the user and stays as it is.
fn refuse_foreign(folder: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(StoreError::read(folder))? {
        let name = entry.map_err(StoreError::read(folder))?.file_name();
        // Left by a run that was killed before it had written its plan.
        if !files::is_unfinished(&name) && name != *".lock" {
            return Err(StoreError::Foreign {
                folder: folder.to_owned(),
                name: name.to_string_lossy().into_owned(),
            });
        }
    }
    Ok(())
}

/// Removes the records of cells that are recorded as done but whose image is missing or differs.
fn remove_damaged(
    folder: &Path,
    plan: &Plan,
    records: &mut Records,
    verified: &Verified,
) -> HashSet<CellKey> {
    let is_damaged = |cell: &&Cell| {
        let record = records.get(&cell.key);
        let done = record.filter(|record| record.status == Status::Done);
        done.is_some_and(|record| {
            let size = Some((cell.width, cell.height));
            images::check_cell(folder, record, size, verified).is_err()
        })
    };
    let damaged: Vec<&Cell> = plan.cells.par_iter().filter(is_damaged).collect();
    let damaged: HashSet<CellKey> = damaged.into_iter().map(|cell| cell.key.clone()).collect();
    for key in &damaged {
        records.remove(key);
    }
    damaged
}
