//! A prepared sweep becomes a run folder: the engine's events go to the writer, then to whoever follows.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::Prepared;
use super::memory::{free_bytes, policy};
use super::timings::Timings;
use crate::Error;
use crate::diffusion::{SchedulerConfig, evaluations};
use crate::engine::{self, Ending, Event, Job};
use crate::meter::Meter;
use crate::model::{OnnxModel, Runtime, cache_folder};
use crate::plan::{ModelWork, Schedule};
use crate::store::{DiskShelf, Environment, Record, RunFolder, Writer};

/// A run folder that is open and locked, with the work that is left for it.
pub struct Execution<'a> {
    prepared: &'a Prepared,
    schedule: Schedule,
    folder: RunFolder,
    /// Absent if nothing is left to do.
    runtime: Option<Runtime>,
}

/// What is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    /// Cells, copies included.
    pub cells: usize,
    /// Denoising steps of all cells that are computed.
    pub steps: u64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every cell was tried.
    Complete {
        /// Cells of the plan that have an image.
        done: usize,
        /// Cells of the plan that have none.
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
    pub fn open(prepared: &'a Prepared, out: &Path, library: Option<&Path>) -> Result<Self, Error> {
        let mut folder = RunFolder::open(out, &prepared.plan, &prepared.spec.text)?;
        let schedule = Schedule::new(&prepared.plan, &folder.pending());
        let runtime = match schedule.models.is_empty() {
            true => None,
            false => Some(Runtime::start(library, &prepared.spec.runtime)?),
        };
        if let Some(runtime) = &runtime {
            folder.describe(&environment(runtime))?;
        }
        Ok(Self { prepared, schedule, folder, runtime })
    }

    /// What is left to do.
    pub fn workload(&self) -> Workload {
        let groups = self.schedule.models.iter().flat_map(|work| &work.groups);
        let cells = groups.clone().flat_map(|group| &group.cells).map(|work| 1 + work.copies.len()).sum();
        let steps = groups.map(|group| {
            let course = group.start.course;
            group.cells.len() as u64 * evaluations(course.scheduler, course.num_inference_steps) as u64
        });
        Workload { cells, steps: steps.sum() }
    }

    /// Does the work. `observer` sees every event after it was handed to the writer.
    ///
    /// # Errors
    /// If a component cannot be loaded or a file cannot be written; what was finished before is kept.
    pub fn run(self, cancel: &AtomicBool, observer: &mut dyn FnMut(&Event)) -> Result<Outcome, Error> {
        let Self { prepared, schedule, folder, runtime } = self;
        let path = folder.path().to_owned();
        let mut writer = Writer::start(folder);
        let mut stopped = false;
        if let Some(runtime) = runtime {
            let mut meter = Meter::new(runtime.device.cuda_index());
            for work in &schedule.models {
                let mut shelf = DiskShelf::open(&path)?;
                let mut observe = |event: Event| {
                    observer(&event);
                    match event {
                        Event::Finished { record, image, .. } => writer.submit(*record, image),
                        _ => ControlFlow::Continue(()),
                    }
                };
                let ending = run_model(prepared, work, &runtime, &mut shelf, &mut meter, cancel, &mut observe)?;
                stopped |= ending == Ending::Stopped;
                if stopped {
                    break;
                }
            }
        }
        let folder = writer.finish()?;
        learn(prepared, &schedule, &folder);
        if stopped {
            return Ok(Outcome::Interrupted);
        }
        let done = prepared.plan.cells.len() - folder.pending().len();
        Ok(Outcome::Complete { done, failed: folder.pending().len() })
    }
}
