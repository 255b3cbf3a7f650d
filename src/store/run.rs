//! A run folder opened for reading: what sheets, reports, comparisons and verdicts are made from.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::journals::{self, Known, Repeated};
use super::verified::Verified;
use super::{Environment, Inputs, Planned, Records, StoreError, inputs, journal, plan_file};
use crate::plan::{Plan, Shard};
use crate::vocabulary::{CellKey, Record, Status};

/// A run as it is on disk. Reading takes no lock and works while the run is going on.
#[derive(Debug, Clone)]
pub struct Run {
    /// The run folder.
    pub folder: PathBuf,
    /// What was planned.
    pub plan: Arc<Plan>,
    /// The environment of the last process that computed cells.
    pub environment: Environment,
    /// The last record of every cell that has one, including cells of earlier plans.
    pub records: Records,
    /// Cells that several processes computed.
    pub repeated: Vec<Repeated>,
    /// Shards that have begun, in order.
    pub shards: Vec<Shard>,
    /// Other environments in which cells were made.
    environments: Vec<Environment>,
    /// Images that were read and are as recorded.
    pub(super) verified: Arc<Verified>,
}

impl Run {
    /// Reads a run folder.
    ///
    /// # Errors
    /// If the folder is not a run folder, or `plan.json` or the journal cannot be read.
    pub fn read(folder: &Path) -> Result<Self, StoreError> {
        let Planned {
            environment, plan, ..
        } = Planned::read(folder)?;
        let known = Known::read(folder, environment)?;
        Ok(Self::known(folder, plan, known))
    }

    /// As [`Run::read`], with a plan that was read before if that is the folder's, which the journals say: merging a
    /// thousand folders must not read a plan a thousand times. Nor are records that are among `records` kept twice.
    /// `digest` is that of the plan.
    ///
    /// # Errors
    /// As [`Run::read`].
    pub fn read_sharing(
        folder: &Path,
        plan: &Arc<Plan>,
        digest: &str,
        records: &Records,
    ) -> Result<Self, StoreError> {
        if Self::is_in(folder) {
            let mut known = Known::read(folder, None)?;
            if known.is_all_of(digest) {
                known.records.share(records);
                return Ok(Self::known(folder, Arc::clone(plan), known));
            }
        }
        let mut run = Self::read(folder)?;
        run.records.share(records);
        if plan.first_difference(&run.plan).is_none() {
            run.plan = Arc::clone(plan);
        }
        Ok(run)
    }

    fn known(folder: &Path, plan: Arc<Plan>, mut known: Known) -> Self {
        let records = std::mem::take(&mut known.records);
        Self::of(folder.to_owned(), plan, records, known)
    }

    /// A run in which nothing is done yet.
    pub fn new(folder: &Path, plan: impl Into<Arc<Plan>>, environment: Environment) -> Self {
        let known = Known {
            environments: vec![environment],
            ..Known::default()
        };
        Self::of(folder.to_owned(), plan.into(), Records::default(), known)
    }

    /// A run from its plan and what the journals tell.
    pub(super) fn of(folder: PathBuf, plan: Arc<Plan>, records: Records, known: Known) -> Self {
        let Known {
            environments,
            repeated,
            shards,
            ..
        } = known;
        let last = environments.last().cloned();
        Self {
            folder,
            plan,
            environment: last.unwrap_or_else(Environment::unknown),
            records,
            repeated,
            shards,
            environments,
            verified: Arc::default(),
        }
    }

    /// The environment a cell was made in.
    pub fn environment_of(&self, cell: &CellKey) -> &Environment {
        let other = self.records.made_in(cell);
        let other = other.and_then(|place| self.environments.get(place as usize));
        other.unwrap_or(&self.environment)
    }

    /// The sweep file of the run, if it is known and still exists.
    pub fn sweep_file(&self) -> Option<PathBuf> {
        plan_file::sweep_file(&self.folder)
    }

    /// Adds records from another folder that were made in one environment.
    pub(super) fn add(&mut self, records: Vec<Arc<Record>>, environment: &Environment) {
        let place = (*environment != self.environment).then(|| {
            let mut known = self.environments.iter();
            known
                .position(|known| known == environment)
                .unwrap_or_else(|| {
                    self.environments.push(environment.clone());
                    self.environments.len() - 1
                })
        });
        let place = place.and_then(|place| u32::try_from(place).ok());
        self.records.reserve(records.len());
        for record in records {
            self.records.put(record.cell.clone(), record, place);
        }
    }

    /// The same run, which need not read again the images that another has read of the folder.
    #[must_use]
    pub fn knowing_images_of(self, other: &Self) -> Self {
        let verified = Arc::clone(&other.verified);
        Self { verified, ..self }
    }

    /// The run of one stage alone, given as an index into [`Plan::stages`]; views and advice look at one stage at a
    /// time.
    #[must_use]
    pub fn of_stage(&self, stage: usize) -> Self {
        Self {
            folder: self.folder.clone(),
            plan: Arc::new(self.plan.of_stage(stage).into_owned()),
            environment: self.environment.clone(),
            records: self.records.clone(),
            repeated: self.repeated.clone(),
            shards: self.shards.clone(),
            environments: self.environments.clone(),
            verified: Arc::clone(&self.verified),
        }
    }

    /// The run of the last stage, which for most sweeps is the only one.
    #[must_use]
    pub fn of_last_stage(&self) -> Cow<'_, Self> {
        match self.plan.stages.len() {
            0 | 1 => Cow::Borrowed(self),
            _ => Cow::Owned(self.of_stage(self.plan.last_stage())),
        }
    }

    /// The run of the stage with this name; without a name that of the last stage.
    ///
    /// # Errors
    /// If no stage has the name.
    pub fn stage(&self, name: Option<&str>) -> Result<Self, StoreError> {
        let Some(name) = name else {
            return Ok(self.of_last_stage().into_owned());
        };
        let mut stages = self.plan.stages.iter();
        match stages.position(|stage| stage.name == name) {
            Some(stage) => Ok(self.of_stage(stage)),
            None => Err(StoreError::UnknownStage {
                run: self.folder.clone(),
                stage: name.to_owned(),
                stages: (self.plan.stages.iter())
                    .map(|stage| stage.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    /// Whether a folder contains a run, in whatever state.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(plan_file::NAME).exists()
    }

    /// Reads a run folder if there is one; `None` if the folder does not exist or is empty.
    ///
    /// # Errors
    /// As [`Run::read`].
    pub fn find(folder: &Path) -> Result<Option<Self>, StoreError> {
        match Self::read(folder) {
            Ok(run) => Ok(Some(run)),
            Err(StoreError::NotARun { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The cells of a plan without an image here under any name, as indices into [`Plan::cells`].
    pub fn pending(&self, plan: &Plan) -> Vec<usize> {
        let planned: HashSet<&CellKey> = plan.cells.iter().map(|cell| &cell.key).collect();
        let is_there = |key: &CellKey| self.image_path(key).is_some_and(|path| path.is_file());
        let others = self.records.keys().filter(|key| !planned.contains(key));
        let known: HashSet<&str> = others
            .filter(|key| is_there(key))
            .map(CellKey::hash)
            .collect();
        let is_done = |key: &CellKey| is_there(key) || known.contains(key.hash());
        (0..plan.cells.len())
            .filter(|&index| !is_done(&plan.cells[index].key))
            .collect()
    }

    /// Whether a file made from this run exists and is newer than the run's plan, journal and inputs.
    pub fn is_shown_by(&self, file: &Path) -> bool {
        let changed = |path: &Path| fs::metadata(path)?.modified();
        let is_older = |source: &str, made: SystemTime| {
            changed(&self.folder.join(source)).is_ok_and(|changed| changed <= made)
        };
        let sources = [plan_file::NAME, inputs::FOLDER];
        let journals = journals::paths(&self.folder).unwrap_or_default();
        let journals = journals.iter().map(|(_, path)| path);
        let main = self.folder.join(journal::NAME);
        changed(file).is_ok_and(|made| {
            // A run that was merged, or computed only by shards, does not have all kinds of journal.
            let mut written = journals
                .chain([&main])
                .filter_map(|path| changed(path).ok());
            sources.iter().all(|source| is_older(source, made))
                && written.all(|changed| changed <= made)
        })
    }

    /// The inputs of its cells, as stored in the folder.
    pub fn inputs(&self) -> Inputs<'_> {
        Inputs::of(&self.plan, &self.folder)
    }

    /// The cell with this key, or the only one whose key begins with it.
    ///
    /// # Errors
    /// If there is no such cell, or the name is ambiguous.
    pub fn cell(&self, name: &str) -> Result<&CellKey, StoreError> {
        let keys = || self.plan.cells.iter().map(|cell| &cell.key);
        let mut longer = keys().filter(|key| key.as_str().starts_with(name));
        let exact = keys().find(|key| key.as_str() == name);
        match (exact, longer.next(), longer.next()) {
            (Some(key), ..) | (None, Some(key), None) => Ok(key),
            _ => Err(self.unknown_cell(name)),
        }
    }

    fn unknown_cell(&self, name: &str) -> StoreError {
        let keys = self.plan.cells.iter().map(|cell| cell.key.as_str());
        let nearest = keys.max_by(|a, b| {
            let near = |key: &str| strsim::normalized_levenshtein(key, name);
            near(a).total_cmp(&near(b))
        });
        StoreError::UnknownCell {
            run: self.folder.clone(),
            cell: name.to_owned(),
            suggestion: nearest
                .map(|key| format!("; did you mean {key}?"))
                .unwrap_or_default(),
        }
    }

    /// The path of a cell's image, if the cell is done.
    pub fn image_path(&self, cell: &CellKey) -> Option<PathBuf> {
        let record = self.records.get(cell)?;
        (record.status == Status::Done).then(|| self.folder.join(cell.image_path()))
    }
}
