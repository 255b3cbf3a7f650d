//! Computes a run's cells: stage by stage, and model by model within a stage.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use super::chain::{outdated, pixels_sha256};
use super::inputs::{keep_inputs, unusable};
use super::masks::keep_masks;
use super::memory::policy;
use super::peaks::needed_bytes;
use super::{Backend, Event, Prepared, RunnerError};
use crate::engine::{self, Ending, InputFiles, Job, Masks, Policy};
use crate::image::MaskImage;
use crate::judge::measures::{measure, measure_masked};
use crate::meter::{Meter, free_bytes};
use crate::plan::{Group, ModelWork, Plan, Sampling, Schedule};
use crate::store::{DiskShelf, RunFolder, Writer};
use crate::vocabulary::{Record, Status};

/// What a run computes with, and the cells it has to complete.
pub(super) struct Computing<'a, B: Backend> {
    pub prepared: &'a Prepared,
    pub backend: &'a B,
    /// The cells to complete, as indices into [`Plan::cells`].
    pub cells: &'a HashSet<usize>,
    pub cancel: &'a AtomicBool,
    /// Milliseconds of loading components so far, by model.
    pub loaded_ms: BTreeMap<usize, f64>,
}

impl<'a, B: Backend> Computing<'a, B> {
    /// Computes every cell that is not done or whose input image has changed, until all are done or it is cancelled.
    /// Every finished cell is written whatever happens to the rest; the folder is returned with the outcome.
    ///
    /// # Errors
    /// The outer error is the folder's, which is then lost; the inner one is that of the computation.
    pub fn run(
        &mut self,
        mut folder: RunFolder,
        observer: &mut dyn FnMut(&Event),
    ) -> Result<(RunFolder, Result<(), RunnerError>), RunnerError> {
        let plan = &self.prepared.plan;
        let mut meter = Meter::new(self.backend.device());
        for stage in 0..plan.stages.len() {
            if self.is_cancelled() {
                break;
            }
            let left = unfinished_cells(plan, &folder, self.cells);
            let left: Vec<usize> = (left.into_iter())
                .filter(|&cell| plan.cells[cell].stage == stage)
                .collect();
            if plan.stages.len() > 1 && !left.is_empty() {
                observer(&Event::Stage(stage));
            }
            let (back, worked) = self.stage(stage, &left, folder, &mut meter, observer)?;
            folder = back;
            if worked.is_err() {
                return Ok((folder, worked));
            }
        }
        Ok((folder, Ok(())))
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// Puts the inputs of a stage in place, fails cells whose inputs are missing, and computes the others.
    fn stage(
        &mut self,
        stage: usize,
        left: &[usize],
        folder: RunFolder,
        meter: &mut Meter,
        observer: &mut dyn FnMut(&Event),
    ) -> Result<(RunFolder, Result<(), RunnerError>), RunnerError> {
        let plan = &self.prepared.plan;
        let path = folder.run().folder.clone();
        let of_stage = self.cells.iter().copied();
        let of_stage = of_stage.filter(|&cell| plan.cells[cell].stage == stage);
        let of_stage: HashSet<usize> = of_stage.collect();
        let inputs = keep_inputs(plan, &folder, &of_stage, left, self.cancel)?;
        let (orphans, workable): (Vec<usize>, Vec<usize>) = left
            .iter()
            .partition(|&&cell| unusable(plan, cell, &inputs).is_some());
        let masks = keep_masks(plan, &path, &workable)?;
        let schedule = Schedule::new(plan, &workable);
        let name = folder.writer().map(str::to_owned);
        let writer = Writer::start(folder, |_| ())?;
        let mut output = Output {
            plan,
            masks: &masks,
            writer: &writer,
            observer,
        };
        let failed = orphans.into_iter().try_for_each(|cell| {
            let reason = unusable(plan, cell, &inputs).unwrap_or_default();
            output.take(engine::Event::Finished {
                cell,
                record: Box::new(self.failed(cell, reason)),
                image: None,
                input: None,
            })
        });
        let worked = match failed {
            ControlFlow::Continue(()) => {
                let files = Files {
                    inputs: &inputs,
                    masks: &masks,
                };
                {
                    let mut shelf = match &name {
                        Some(name) => DiskShelf::of_writer(&path, name)?,
                        None => DiskShelf::open(&path)?,
                    };
                    self.models(&schedule, files, &mut shelf, meter, &mut output)
                }
            }
            ControlFlow::Break(()) => Ok(()),
        };
        Ok((writer.finish()?, worked))
    }

    /// The record of a cell that failed before any of it was computed.
    fn failed(&self, cell: usize, reason: String) -> Record {
        let plan = &self.prepared.plan;
        let cell = &plan.cells[cell];
        let mut models = plan.models.iter();
        let model = models.find(|model| model.name == cell.parameters.model);
        let precision = model.map_or("", |model| model.precision.as_str());
        let mut record = Record::new(
            cell.key.clone(),
            &self.backend.device().to_string(),
            precision,
        );
        record.status = Status::Failed;
        record.error = Some(reason);
        record.finished = jiff::Timestamp::now();
        record
    }

    /// Runs one model after another, until all are done or the observer or a signal stops it.
    fn models(
        &mut self,
        schedule: &Schedule,
        files: Files,
        shelf: &mut DiskShelf,
        meter: &mut Meter,
        output: &mut Output,
    ) -> Result<(), RunnerError> {
        for work in &schedule.models {
            if self.model(work, files, shelf, meter, output)? == Ending::Stopped {
                break;
            }
        }
        Ok(())
    }

    /// The estimated memory of a model with all components resident, at its largest size, one cell at a time.
    fn resident_bytes(&self, work: &ModelWork) -> f64 {
        let (plan, device) = (&self.prepared.plan, self.backend.device());
        let model = &self.prepared.models[work.model];
        let sizes = work.groups.iter().map(|group| {
            let Sampling { width, height, .. } = group.start.sampling;
            needed_bytes(model, device, (width, height), plan, Policy::ONE_CELL)
        });
        sizes.fold(0.0, f64::max)
    }

    /// Runs the work of one model.
    fn model(
        &mut self,
        work: &ModelWork,
        files: Files,
        shelf: &mut DiskShelf,
        meter: &mut Meter,
        output: &mut Output,
    ) -> Result<Ending, RunnerError> {
        let (prepared, device) = (self.prepared, self.backend.device());
        let runtime = &prepared.spec.runtime;
        let entry = &prepared.plan.models[work.model];
        let model = &prepared.models[work.model];
        let mut opened = self.backend.open(model, runtime)?;
        let latent_pixels = latent_pixels(work, entry.vae_factor);
        let rows_a_cell = work.kind.pipeline().plain_rows();
        let free = free_bytes(device);
        let resident = self.resident_bytes(work);
        let policy = policy(runtime, resident, latent_pixels, rows_a_cell, device, free);
        let job = Job {
            plan: &prepared.plan,
            work,
            inputs: files.inputs,
            masks: files.masks,
            masking: prepared.plan.stages[work.stage].masking,
            latent_channels: model.folder.latent_channels(),
            vae_factor: entry.vae_factor,
            scaling_factor: model.folder.scaling_factor(),
            scheduler_config: &model.scheduler_config(work.kind),
            device,
            precision: &entry.precision,
            memory_limit_mib: runtime.memory_limit_mib,
        };
        let loaded_ms = self.loaded_ms.entry(work.model).or_default();
        let mut take = |event| {
            if let engine::Event::Loaded { ms, .. } = &event {
                *loaded_ms += ms;
            }
            output.take(event)
        };
        let (model, cancel) = (&mut opened, self.cancel);
        Ok(engine::run(
            job, model, policy, shelf, meter, cancel, &mut take,
        )?)
    }
}

/// What cells are made from besides models.
#[derive(Clone, Copy)]
struct Files<'a> {
    inputs: &'a InputFiles<'a>,
    masks: &'a Masks<'a>,
}

/// The cells of a run that are not done or whose input image has different pixels now, in order.
pub(super) fn unfinished_cells(
    plan: &Plan,
    folder: &RunFolder,
    cells: &HashSet<usize>,
) -> Vec<usize> {
    let run = folder.run();
    let outdated = outdated(plan, cells, &run.folder, |key| run.records.get(key));
    let pending = folder.pending().into_iter();
    let mut left: Vec<usize> = pending.filter(|cell| cells.contains(cell)).collect();
    left.extend(outdated);
    left.sort_unstable();
    left
}

/// Receives the engine's events: passes them to the observer, and finished cells to the writer.
struct Output<'a, 'o> {
    plan: &'a Plan,
    masks: &'o Masks<'a>,
    writer: &'a Writer,
    observer: &'o mut dyn FnMut(&Event),
}

impl Output<'_, '_> {
    fn take(&mut self, event: engine::Event) -> ControlFlow<()> {
        let event = Event::Engine(event);
        (self.observer)(&event);
        let Event::Engine(engine::Event::Finished {
            cell,
            record,
            image,
            input,
        }) = event
        else {
            return ControlFlow::Continue(());
        };
        let output = image.clone();
        let mask = self.plan.mask_of(&self.plan.cells[cell]);
        let mask =
            mask.and_then(|mask| self.masks.get(&mask)?.as_ref().ok().map(MaskImage::to_mask));
        let works_on_a_cell = self.plan.input_of(&self.plan.cells[cell]).is_some();
        self.writer.submit_with(*record, image, move |record| {
            record.measures = input
                .as_ref()
                .zip(output.as_ref())
                .and_then(|(input, output)| measure(input, output));
            record.masked = (input.as_ref().zip(output.as_ref()).zip(mask))
                .and_then(|((input, output), mask)| measure_masked(input, output, &mask))
                .map(Box::new);
            let input = input.filter(|_| works_on_a_cell);
            record.input_pixels_sha256 = input.map(|input| pixels_sha256(&input));
        })
    }
}

/// Height times width of the largest latents.
fn latent_pixels(work: &ModelWork, vae_factor: u32) -> usize {
    let sides = |group: &Group| {
        let Sampling { width, height, .. } = group.start.sampling;
        (width / vae_factor) as usize * (height / vae_factor) as usize
    };
    work.groups.iter().map(sides).max().unwrap_or(0)
}
