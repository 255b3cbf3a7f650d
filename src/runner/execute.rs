//! A prepared sweep becomes a run folder: the engine's events go to the writer and to whoever follows.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Prepared;
use super::clip::measure as measure_with_clip;
use super::memory::{limit_bytes, policy};
use super::place::Place;
use super::timings::Timings;
use crate::Error;
use crate::engine::{self, Ending, Event, Job};
use crate::judge::advice::advise;
use crate::judge::measures::measure;
use crate::meter::{Meter, free_bytes};
use crate::model::OnnxModel;
use crate::model::runtime::{ExecutionDevice, Host};
use crate::plan::{Course, Group, ModelWork, Schedule, Shard};
use crate::store::{DiskShelf, Record, Run, RunFolder, Writer};

/// A run folder that is open and locked, with the work that is left for it.
#[derive(Debug)]
pub struct Execution<'a> {
    prepared: &'a Prepared,
    host: Host,
    /// What this execution is to see done, as indices into [`crate::plan::Plan::cells`].
    cells: HashSet<usize>,
    schedule: Schedule,
    /// Cells that are done and not measured as they should be.
    unmeasured: usize,
    folder: RunFolder,
    /// Absent if nothing is left to do.
    place: Option<Place>,
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
        let plan = &prepared.plan;
        let cells: HashSet<usize> = shard.cells(plan).into_iter().collect();
        let of_shard = |mut pending: Vec<usize>| {
            pending.retain(|cell| cells.contains(cell));
            pending
        };
        let mut notes = Vec::new();
        let earlier = Run::find(out)?.filter(|run| of_shard(run.pending(plan)).is_empty());
        let (environment, place) = match earlier {
            Some(run) => (run.environment, None),
            None => {
                let place = Place::find(&host, prepared.spec.runtime.device, &mut notes)?;
                (
                    place.environment(prepared.spec.runtime.threads),
                    Some(place),
                )
            }
        };
        let folder = RunFolder::open(out, plan, &prepared.spec.text, &environment)?;
        notes.extend_from_slice(folder.notes());
        let schedule = Schedule::new(plan, &of_shard(folder.pending()));
        let unmeasured = unmeasured(prepared, &cells, &folder).len();
        // An image that was there may turn out to be damaged.
        let is_needed = !schedule.models.is_empty() || unmeasured > 0;
        let place = match place {
            None if is_needed => Some(Place::find(
                &host,
                prepared.spec.runtime.device,
                &mut notes,
            )?),
            place => place,
        };
        Ok(Self {
            prepared,
            host,
            cells,
            schedule,
            unmeasured,
            folder,
            place,
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
                let of = evaluations(work.model, group.start.course) as u64;
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
    /// If a component cannot be loaded or a file cannot be written; what was finished before is kept.
    pub fn run(
        self,
        cancel: &AtomicBool,
        observer: &mut dyn FnMut(&Event),
    ) -> Result<Outcome, Error> {
        let Self {
            prepared,
            host,
            cells,
            schedule,
            folder,
            place,
            ..
        } = self;
        let path = folder.path().to_owned();
        let writer = Writer::start(folder, |_| ())?;
        let worked = match &place {
            Some(place) => place.work_off(prepared, &schedule, &path, &writer, cancel, observer),
            None => Ok(()),
        };
        // What was handed over is written whatever became of the rest; a full disk explains a stop best.
        let mut folder = writer.finish()?;
        worked?;
        let measured = match &place {
            Some(place) => {
                learn(&host, prepared, &schedule, &folder, place.device);
                let left = unmeasured(prepared, &cells, &folder);
                measure_with_clip(prepared, place, &mut folder, &left, cancel, observer)
            }
            None => Ok(()),
        };
        folder.finish_with(&advise(&Run::read(&path)?).texts())?;
        measured?;
        let mut missing = folder.pending();
        missing.retain(|cell| cells.contains(cell));
        let unmeasured = unmeasured(prepared, &cells, &folder);
        if cancel.load(Ordering::Relaxed) && !(missing.is_empty() && unmeasured.is_empty()) {
            return Ok(Outcome::Interrupted);
        }
        Ok(Outcome::Complete {
            done: cells.len() - missing.len(),
            failed: missing.len(),
        })
    }
}

/// The cells that are done and left to be measured with CLIP, in the plan's order.
fn unmeasured(prepared: &Prepared, cells: &HashSet<usize>, folder: &RunFolder) -> Vec<usize> {
    let all = (0..prepared.plan.cells.len()).filter(|cell| cells.contains(cell));
    prepared.unmeasured(all, |cell| folder.record_of(cell))
}

impl Place {
    /// Every model in turn, until all is done or the observer or a signal stops it.
    fn work_off(
        &self,
        prepared: &Prepared,
        schedule: &Schedule,
        folder: &Path,
        writer: &Writer,
        cancel: &AtomicBool,
        observer: &mut dyn FnMut(&Event),
    ) -> Result<(), Error> {
        let mut meter = Meter::new(self.device.cuda_index());
        let mut shelf = DiskShelf::open(folder)?;
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
            let threads = prepared.spec.runtime.threads;
            let mut onnx = OnnxModel::new(
                Arc::clone(&model.folder),
                self.runtime.clone(),
                self.device,
                threads,
            )?
            .with_memory_limit(limit_bytes(&prepared.spec.runtime));
            let gpu = self.device.cuda_index();
            let policy = policy(
                &prepared.spec.runtime,
                entry,
                latent_pixels(work, entry.vae_factor),
                gpu.is_some(),
                free_bytes(gpu),
            );
            let job = Job {
                plan: &prepared.plan,
                work,
                latent_channels: model.folder.latent_channels(),
                vae_factor: entry.vae_factor,
                scaling_factor: model.folder.scaling_factor(),
                scheduler_config: &model.scheduler_config,
                device: &self.device.to_string(),
                precision: &entry.precision,
            };
            let ending = engine::run(
                job, &mut onnx, policy, &mut shelf, &mut meter, cancel, &mut take,
            )?;
            if ending == Ending::Stopped {
                break;
            }
        }
        Ok(())
    }
}

/// Height times width of the largest latents.
fn latent_pixels(work: &ModelWork, vae_factor: u32) -> usize {
    let sides = |group: &Group| {
        let Course { width, height, .. } = group.start.course;
        (width / vae_factor) as usize * (height / vae_factor) as usize
    };
    work.groups.iter().map(sides).max().unwrap_or(0)
}

/// Keeps what this run took, for the forecasts of later ones.
fn learn(
    host: &Host,
    prepared: &Prepared,
    schedule: &Schedule,
    folder: &RunFolder,
    device: ExecutionDevice,
) {
    let mut timings = Timings::read(host.cache.as_ref());
    for work in &schedule.models {
        let mut courses: Vec<Course> = work.groups.iter().map(|group| group.start.course).collect();
        courses.dedup();
        for course in courses {
            let groups = work
                .groups
                .iter()
                .filter(|group| group.start.course == course);
            let cells = groups.flat_map(|group| &group.cells);
            let records: Vec<&Record> = cells
                .filter_map(|work| folder.record_of(work.cell))
                .collect();
            let entry = &prepared.plan.models[work.model];
            timings.learn(entry, &device.to_string(), course, &records);
        }
    }
    timings.write(host.cache.as_ref());
}
