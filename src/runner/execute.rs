//! Executes a prepared sweep into a run folder; the engine's events go to the writer and the observer.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::chain::{outdated, with_inputs};
use super::clip::measure as measure_with_clip;
use super::compute::{Computing, unfinished_cells};
use super::durations::{self, Expected};
use super::inputs::keep_inputs;
use super::timings::Timings;
use super::{Backend, Event, Place, Prepared, RunnerError};
use crate::judge::advice::advise;
use crate::onnxruntime::{ExecutionDevice, Host};
use crate::plan::{Schedule, Shard};
use crate::store::{HeldFolder, Hold, Run, RunFolder};

/// An open and locked run folder, with the work that is left.
#[derive(Debug)]
pub struct Execution<'a, B: Backend = Place> {
    prepared: &'a Prepared,
    /// The folder in which timings are kept for forecasts.
    cache: Option<PathBuf>,
    /// The cells that this execution has to complete, as indices into [`crate::plan::Plan::cells`].
    cells: HashSet<usize>,
    schedule: Schedule<'a>,
    /// Number of finished cells that lack requested measures.
    unmeasured: usize,
    folder: RunFolder,
    /// `None` if nothing is left to do.
    backend: Option<B>,
    notes: Vec<String>,
}

/// What is left to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Workload {
    /// Number of cells, copies included.
    pub cells: usize,
    /// UNet evaluations of all cells to compute, each counted once however many rows it has.
    pub steps: u64,
    /// Number of cells to be measured with CLIP, if none fails.
    pub measures: usize,
    /// How long that takes, by earlier runs.
    pub expected: Expected,
}

impl Workload {
    /// The work for these cells, as indices into [`crate::plan::Plan::cells`], if all of them are to be computed.
    pub fn of(prepared: &Prepared, cells: &[usize]) -> Self {
        Self::new(prepared, &Schedule::new(&prepared.plan, cells), 0)
    }

    fn new(prepared: &Prepared, schedule: &Schedule, unmeasured: usize) -> Self {
        let evaluations = prepared.evaluations();
        let mut workload = Self {
            cells: 0,
            steps: 0,
            measures: unmeasured,
            expected: Expected::default(),
        };
        for work in &schedule.models {
            for group in &work.groups {
                let of = evaluations(work.kind, work.model, group.start.sampling) as u64;
                workload.steps += of * group.cells.len() as u64;
                let cells = group.cells.iter().map(|cell| 1 + cell.copies.len());
                workload.cells += cells.sum::<usize>();
            }
        }
        if prepared.clip.is_some() {
            workload.measures += workload.cells;
        }
        workload
    }

    /// Whether nothing is left to do.
    pub fn is_nothing(&self) -> bool {
        self.cells == 0 && self.measures == 0
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every cell was attempted.
    Complete {
        /// Number of cells with an image.
        done: usize,
        /// Number of cells without one.
        failed: usize,
    },
    /// Stopped on request; running again resumes.
    Interrupted,
}

/// The result of an execution.
#[derive(Debug)]
pub struct Executed {
    /// How it ended.
    pub outcome: Outcome,
    /// The run as it is now.
    pub run: Run,
    /// The error if CLIP could not be used, so that cells are unmeasured; everything else is done.
    pub measured: Result<(), RunnerError>,
}

impl<'a> Execution<'a> {
    /// Locks the run folder, finds out what is left to do and, if there is anything, loads ONNX Runtime.
    ///
    /// # Errors
    /// If the folder cannot be used, or if there is work but no usable runtime or device.
    pub fn open(prepared: &'a Prepared, out: &Path, host: Host) -> Result<Self, RunnerError> {
        Self::open_shard(prepared, out, host, Shard::WHOLE)
    }

    /// As [`Execution::open`], for some of the cells.
    ///
    /// # Errors
    /// As [`Execution::open`].
    pub fn open_shard(
        prepared: &'a Prepared,
        out: &Path,
        host: Host,
        shard: Shard,
    ) -> Result<Self, RunnerError> {
        let device = prepared.spec.runtime.device;
        let find = |notes: &mut Vec<String>| Place::find(&host, device, notes);
        Self::open_with(prepared, out, host.cache.clone(), shard, find)
    }

    /// As [`Execution::open_shard`], beside processes that run other parts in the same folder, or with `twins` possibly
    /// the same part.
    ///
    /// # Errors
    /// As [`Execution::open`].
    pub fn open_beside(
        prepared: &'a Prepared,
        out: &Path,
        host: Host,
        shard: Shard,
        twins: bool,
    ) -> Result<Self, RunnerError> {
        let device = prepared.spec.runtime.device;
        let find = |notes: &mut Vec<String>| Place::find(&host, device, notes);
        let hold = Hold::Beside { shard, twins };
        Self::open_as(prepared, out, host.cache.clone(), (shard, hold), find)
    }
}

impl<'a, B: Backend> Execution<'a, B> {
    /// As [`Execution::open_shard`], with a backend from `find`, which is called only if there is work. Timings are
    /// kept in the folder `cache`, if there is one.
    ///
    /// # Errors
    /// If the folder cannot be used, or those of `find`.
    pub fn open_with(
        prepared: &'a Prepared,
        out: &Path,
        cache: Option<PathBuf>,
        shard: Shard,
        find: impl Fn(&mut Vec<String>) -> Result<B, RunnerError>,
    ) -> Result<Self, RunnerError> {
        Self::open_as(prepared, out, cache, (shard, Hold::Alone), find)
    }

    fn open_as(
        prepared: &'a Prepared,
        out: &Path,
        cache: Option<PathBuf>,
        (shard, hold): (Shard, Hold),
        find: impl Fn(&mut Vec<String>) -> Result<B, RunnerError>,
    ) -> Result<Self, RunnerError> {
        let plan = &prepared.plan;
        let cells = with_inputs(plan, shard.cells(plan));
        let mut notes = Vec::new();
        // If there is no run yet, do not begin one that could not continue.
        let found = match Run::is_in(out) {
            true => None,
            false => Some(find(&mut notes)?),
        };
        let held =
            HeldFolder::take(out, plan, hold)?.of_sweep(&prepared.sweep, prepared.replaces)?;
        notes.extend_from_slice(held.notes());
        let outdated = outdated(plan, &cells, out, |key| held.record_of_key(key));
        let mut left: Vec<usize> = held.pending();
        left.retain(|cell| cells.contains(cell));
        left.extend(outdated);
        left.sort_unstable();
        let schedule = Schedule::new(plan, &left);
        let unmeasured = prepared.unmeasured(&cells, |cell| held.record_of(cell));
        let is_complete = schedule.models.is_empty() && unmeasured.is_empty();
        let (environment, backend) = match (found, held.environment()) {
            (None, Some(earlier)) if is_complete => (earlier.clone(), None),
            (found, _) => {
                let backend = found.map_or_else(|| find(&mut notes), Ok)?;
                (backend.environment(&prepared.spec.runtime), Some(backend))
            }
        };
        let folder = held.begin(&prepared.spec.text, &environment)?;
        Ok(Self {
            prepared,
            cache,
            cells,
            schedule,
            unmeasured: unmeasured.len(),
            folder,
            backend,
            notes,
        })
    }

    /// What is left to do.
    pub fn workload(&self) -> Workload {
        let workload = Workload::new(self.prepared, &self.schedule, self.unmeasured);
        let Some(backend) = &self.backend else {
            return workload;
        };
        let timings = Timings::read(self.cache.as_ref());
        let (prepared, device) = (self.prepared, backend.device());
        Workload {
            expected: Expected::of(prepared, &self.schedule, &timings, device),
            ..workload
        }
    }

    /// Notes for the user on the folder and the device as they were found.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Does the work: computes, learns timings for forecasts, measures with CLIP, and concludes. `observer` gets every
    /// event.
    ///
    /// # Errors
    /// If a component cannot be loaded or a file cannot be written; what was finished before is kept. CLIP's errors are
    /// returned in [`Executed::measured`].
    pub fn run(
        mut self,
        cancel: &AtomicBool,
        observer: &mut dyn FnMut(&Event),
    ) -> Result<Executed, RunnerError> {
        let Some(backend) = self.backend.take() else {
            keep_inputs(&self.prepared.plan, &self.folder, &self.cells, &[], cancel)?;
            return self.conclude(Ok(()), cancel);
        };
        let mut computing = Computing {
            prepared: self.prepared,
            backend: &backend,
            cells: &self.cells,
            cancel,
            loaded_ms: BTreeMap::new(),
        };
        let (folder, computed) = computing.run(self.folder, observer)?;
        let loaded_ms = computing.loaded_ms;
        self.folder = folder;
        if let Err(error) = computed {
            self.complete_tables()?;
            return Err(error);
        }
        self.learn(backend.device(), &loaded_ms);
        let measured = self.measure(&backend, cancel, observer);
        self.conclude(measured, cancel)
    }

    /// Finished cells that lack measures that the sweep file asks for.
    fn unmeasured(&self) -> Vec<usize> {
        let record_of = |cell| self.folder.record_of(cell);
        self.prepared.unmeasured(&self.cells, record_of)
    }

    /// Measures these cells with CLIP.
    fn measure(
        &mut self,
        backend: &B,
        cancel: &AtomicBool,
        observer: &mut dyn FnMut(&Event),
    ) -> Result<(), RunnerError> {
        let (left, cache) = (self.unmeasured(), self.cache.as_ref());
        let (prepared, folder) = (self.prepared, &mut self.folder);
        measure_with_clip(prepared, backend, folder, &left, cache, cancel, observer)
    }

    /// Rewrites the tables in the order of the plan, with the advice.
    fn complete_tables(&mut self) -> Result<(), RunnerError> {
        let advice = advise(&self.folder.run().of_last_stage());
        Ok(self.folder.finish_with_advice(&advice.for_tables())?)
    }

    /// Completes the tables and returns the run with how it ended.
    fn conclude(
        mut self,
        measured: Result<(), RunnerError>,
        cancel: &AtomicBool,
    ) -> Result<Executed, RunnerError> {
        self.complete_tables()?;
        let measured = match measured {
            // A journal that cannot be written is not CLIP's fault.
            Err(RunnerError::Store(error)) => return Err(error.into()),
            measured => measured,
        };
        let missing = unfinished_cells(&self.prepared.plan, &self.folder, &self.cells);
        let is_left = !(missing.is_empty() && self.unmeasured().is_empty());
        let outcome = if cancel.load(Ordering::Relaxed) && is_left {
            Outcome::Interrupted
        } else {
            Outcome::Complete {
                done: self.cells.len() - missing.len(),
                failed: missing.len(),
            }
        };
        Ok(Executed {
            outcome,
            run: self.folder.into_run(),
            measured,
        })
    }

    /// Keeps this run's timings and memory peaks, for later forecasts. `loaded_ms` holds the milliseconds of loading by
    /// model.
    fn learn(&self, device: ExecutionDevice, loaded_ms: &BTreeMap<usize, f64>) {
        let mut timings = Timings::read(self.cache.as_ref());
        let plan = &self.prepared.plan;
        for work in &self.schedule.models {
            let loaded_ms = loaded_ms.get(&work.model).copied().unwrap_or(0.0);
            let record_of = |cell| self.folder.record_of(cell);
            durations::learn(&mut timings, (plan, work), (device, loaded_ms), record_of);
        }
        timings.write(self.cache.as_ref());
    }
}
