//! A prepared sweep becomes a run folder: the engine's events go to the writer and to whoever follows.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::clip::measure as measure_with_clip;
use super::inputs::keep_inputs;
use super::memory::policy;
use super::timings::Timings;
use super::{Backend, Place, Prepared};
use crate::Error;
use crate::engine::{self, Ending, Event, InputFiles, Job};
use crate::judge::advice::advise;
use crate::judge::measures::measure;
use crate::meter::{Meter, free_bytes};
use crate::onnxruntime::{ExecutionDevice, Host};
use crate::plan::{Group, ModelWork, Sampling, Schedule, Shard};
use crate::store::{DiskShelf, HeldFolder, Hold, Run, RunFolder, Writer};
use crate::vocabulary::Record;

/// A run folder that is open and locked, with the work that is left for it.
#[derive(Debug)]
pub struct Execution<'a, B: Backend = Place> {
    prepared: &'a Prepared,
    /// Where what it took is kept for forecasts.
    cache: Option<PathBuf>,
    /// What this execution is to see done, as indices into [`crate::plan::Plan::cells`].
    cells: HashSet<usize>,
    schedule: Schedule<'a>,
    /// Cells that are done and not measured as they should be.
    unmeasured: usize,
    folder: RunFolder,
    /// Absent if nothing is left to do.
    backend: Option<B>,
    notes: Vec<String>,
}

/// What is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    /// Cells, copies included.
    pub cells: usize,
    /// UNet evaluations of all cells that are computed, each counted once whatever its rows.
    pub steps: u64,
    /// Cells to be measured with CLIP, if none fails.
    pub measures: usize,
}

impl Workload {
    /// Whether all is done.
    pub fn is_nothing(&self) -> bool {
        self.cells == 0 && self.measures == 0
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every cell was tried.
    Complete {
        /// Cells that have an image.
        done: usize,
        /// Cells that have none.
        failed: usize,
    },
    /// Stopped on request; to be gone on with.
    Interrupted,
}

/// What an execution came to.
#[derive(Debug)]
pub struct Executed {
    /// How it ended.
    pub outcome: Outcome,
    /// What is there now.
    pub run: Run,
    /// Why cells are left unmeasured, if CLIP could not be used: all else is done.
    pub measured: Result<(), Error>,
}

impl<'a> Execution<'a> {
    /// Locks the run folder, finds out what is left to do, and loads ONNX Runtime if anything is.
    ///
    /// # Errors
    /// If the folder cannot be used, or there is work and no usable runtime or device.
    pub fn open(prepared: &'a Prepared, out: &Path, host: Host) -> Result<Self, Error> {
        Self::open_shard(prepared, out, host, Shard::WHOLE)
    }

    /// As [`Execution::open`], for a part of the cells.
    ///
    /// # Errors
    /// As [`Execution::open`].
    pub fn open_shard(
        prepared: &'a Prepared,
        out: &Path,
        host: Host,
        shard: Shard,
    ) -> Result<Self, Error> {
        let device = prepared.spec.runtime.device;
        let find = |notes: &mut Vec<String>| Place::find(&host, device, notes);
        Self::open_with(prepared, out, host.cache.clone(), shard, find)
    }

    /// As [`Execution::open_shard`], beside processes that run other parts in the same folder; with `twins` perhaps the
    /// same part.
    ///
    /// # Errors
    /// As [`Execution::open`].
    pub fn open_beside(
        prepared: &'a Prepared,
        out: &Path,
        host: Host,
        shard: Shard,
        twins: bool,
    ) -> Result<Self, Error> {
        let device = prepared.spec.runtime.device;
        let find = |notes: &mut Vec<String>| Place::find(&host, device, notes);
        let hold = Hold::Beside { shard, twins };
        Self::open_as(prepared, out, host.cache.clone(), (shard, hold), find)
    }
}

impl<'a, B: Backend> Execution<'a, B> {
    /// As [`Execution::open_shard`], with a backend that `find` is asked for if there is work. What the run took
    /// is kept in the folder `cache`, if any.
    ///
    /// # Errors
    /// If the folder cannot be used, or what `find` says.
    pub fn open_with(
        prepared: &'a Prepared,
        out: &Path,
        cache: Option<PathBuf>,
        shard: Shard,
        find: impl Fn(&mut Vec<String>) -> Result<B, Error>,
    ) -> Result<Self, Error> {
        Self::open_as(prepared, out, cache, (shard, Hold::Alone), find)
    }

    fn open_as(
        prepared: &'a Prepared,
        out: &Path,
        cache: Option<PathBuf>,
        (shard, hold): (Shard, Hold),
        find: impl Fn(&mut Vec<String>) -> Result<B, Error>,
    ) -> Result<Self, Error> {
        let plan = &prepared.plan;
        let cells: HashSet<usize> = shard.cells(plan).into_iter().collect();
        let of_shard = |mut pending: Vec<usize>| {
            pending.retain(|cell| cells.contains(cell));
            pending
        };
        let mut notes = Vec::new();
        // Where there is no run yet, none is begun that cannot go on.
        let found = match Run::is_in(out) {
            true => None,
            false => Some(find(&mut notes)?),
        };
        let held =
            HeldFolder::take_as(out, plan, hold)?.of_sweep(&prepared.sweep, prepared.replaces)?;
        notes.extend_from_slice(held.notes());
        let schedule = Schedule::new(plan, &of_shard(held.pending()));
        let unmeasured = prepared.unmeasured(&cells, |cell| held.record_of(cell));
        let is_complete = schedule.models.is_empty() && unmeasured.is_empty();
        let (environment, backend) = match (found, held.environment()) {
            (None, Some(earlier)) if is_complete => (earlier.clone(), None),
            (found, _) => {
                let backend = found.map_or_else(|| find(&mut notes), Ok)?;
                let threads = prepared.spec.runtime.threads;
                (backend.environment(threads), Some(backend))
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
        let evaluations = self.prepared.evaluations();
        let mut workload = Workload {
            cells: 0,
            steps: 0,
            measures: self.unmeasured,
        };
        for work in &self.schedule.models {
            for group in &work.groups {
                let of = evaluations(work.model, group.start.sampling) as u64;
                workload.steps += of * group.cells.len() as u64;
                workload.cells += group
                    .cells
                    .iter()
                    .map(|cell| 1 + cell.copies.len())
                    .sum::<usize>();
            }
        }
        if self.prepared.clip.is_some() {
            workload.measures += workload.cells;
        }
        workload
    }

    /// What the user should know of the folder and the device as they were found.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Does the work; `observer` sees every event.
    ///
    /// # Errors
    /// If a component cannot be loaded or a file cannot be written; what was finished before is kept. What ails CLIP is
    /// in [`Executed::measured`].
    pub fn run(
        self,
        cancel: &AtomicBool,
        observer: &mut dyn FnMut(&Event),
    ) -> Result<Executed, Error> {
        let Self {
            prepared,
            cache,
            cells,
            schedule,
            folder,
            backend,
            ..
        } = self;
        let path = folder.run().folder.clone();
        let pending = |folder: &RunFolder| {
            let pending = folder.pending().into_iter();
            pending.filter(|cell| cells.contains(cell)).collect()
        };
        let left: Vec<usize> = pending(&folder);
        let inputs = keep_inputs(&prepared.plan, &path, &cells, &left, cancel)?;
        let name = folder.writer().map(str::to_owned);
        let writer = Writer::start(folder, |_| ())?;
        let worked = match &backend {
            Some(backend) if !cancel.load(Ordering::Relaxed) => {
                let work = Work {
                    prepared,
                    schedule: &schedule,
                    inputs: &inputs,
                    folder: &path,
                    writer: name.as_deref(),
                };
                work_off(backend, work, &writer, cancel, observer)
            }
            _ => Ok(()),
        };
        // What was handed over is written whatever became of the rest; a full disk explains a stop best.
        let mut folder = writer.finish()?;
        let unmeasured =
            |folder: &RunFolder| prepared.unmeasured(&cells, |cell| folder.record_of(cell));
        let measured = match (&worked, &backend) {
            (Ok(()), Some(backend)) => {
                let device = backend.device();
                learn(cache.as_ref(), prepared, &schedule, &folder, device);
                let left = unmeasured(&folder);
                measure_with_clip(
                    prepared,
                    backend,
                    &mut folder,
                    &left,
                    cache.as_ref(),
                    cancel,
                    observer,
                )
            }
            _ => Ok(()),
        };
        folder.finish_with(&advise(folder.run()).texts())?;
        worked?;
        let measured = match measured {
            // A journal that cannot be written is no fault of CLIP.
            Err(Error::Store(error)) => return Err(error.into()),
            measured => measured,
        };
        let missing = pending(&folder);
        let is_left = !(missing.is_empty() && unmeasured(&folder).is_empty());
        let outcome = if cancel.load(Ordering::Relaxed) && is_left {
            Outcome::Interrupted
        } else {
            Outcome::Complete {
                done: cells.len() - missing.len(),
                failed: missing.len(),
            }
        };
        Ok(Executed {
            outcome,
            run: folder.into_run(),
            measured,
        })
    }
}

/// What is to be computed, of what, and where it goes.
struct Work<'a> {
    prepared: &'a Prepared,
    schedule: &'a Schedule<'a>,
    inputs: &'a InputFiles<'a>,
    folder: &'a Path,
    /// The name of this process among others.
    writer: Option<&'a str>,
}

/// Every model in turn, until all is done or the observer or a signal stops it.
fn work_off<B: Backend>(
    backend: &B,
    work: Work,
    writer: &Writer,
    cancel: &AtomicBool,
    observer: &mut dyn FnMut(&Event),
) -> Result<(), Error> {
    let Work {
        prepared,
        schedule,
        inputs,
        folder,
        writer: name,
    } = work;
    let (device, runtime) = (backend.device(), &prepared.spec.runtime);
    let mut meter = Meter::new(device);
    let mut shelf = match name {
        Some(name) => DiskShelf::of_writer(folder, name)?,
        None => DiskShelf::open(folder)?,
    };
    let mut take = |event: Event| {
        observer(&event);
        match event {
            Event::Finished {
                record,
                image,
                input,
                ..
            } => {
                let output = image.clone();
                writer.hand_over_with(*record, image, move |record| {
                    record.measures = input.zip(output).and_then(|(i, o)| measure(&i, &o));
                })
            }
            _ => ControlFlow::Continue(()),
        }
    };
    for work in &schedule.models {
        let entry = &prepared.plan.models[work.model];
        let model = &prepared.models[work.model];
        let mut opened = backend.open(model, runtime)?;
        let policy = policy(
            runtime,
            entry,
            latent_pixels(work, entry.vae_factor),
            device,
            free_bytes(device),
        );
        let job = Job {
            plan: &prepared.plan,
            work,
            inputs,
            latent_channels: model.folder.latent_channels(),
            vae_factor: entry.vae_factor,
            scaling_factor: model.folder.scaling_factor(),
            scheduler_config: &model.scheduler_config,
            device,
            precision: &entry.precision,
            memory_limit_mib: runtime.memory_limit_mib,
        };
        let ending = engine::run(
            job,
            &mut opened,
            policy,
            &mut shelf,
            &mut meter,
            cancel,
            &mut take,
        )?;
        if ending == Ending::Stopped {
            break;
        }
    }
    Ok(())
}

/// Height times width of the largest latents.
fn latent_pixels(work: &ModelWork, vae_factor: u32) -> usize {
    let sides = |group: &Group| {
        let Sampling { width, height, .. } = group.start.sampling;
        (width / vae_factor) as usize * (height / vae_factor) as usize
    };
    work.groups.iter().map(sides).max().unwrap_or(0)
}

/// Keeps what this run took, for the forecasts of later ones.
fn learn(
    cache: Option<&PathBuf>,
    prepared: &Prepared,
    schedule: &Schedule,
    folder: &RunFolder,
    device: ExecutionDevice,
) {
    let mut timings = Timings::read(cache);
    for work in &schedule.models {
        let mut samplings: Vec<Sampling> = work
            .groups
            .iter()
            .map(|group| group.start.sampling)
            .collect();
        samplings.dedup();
        for sampling in samplings {
            let groups = work
                .groups
                .iter()
                .filter(|group| group.start.sampling == sampling);
            let cells = groups.flat_map(|group| &group.cells);
            let records: Vec<&Record> = cells
                .filter_map(|work| folder.record_of(work.cell))
                .collect();
            let entry = &prepared.plan.models[work.model];
            timings.learn(entry, &device.to_string(), sampling, &records);
        }
    }
    timings.write(cache);
}
