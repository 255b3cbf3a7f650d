//! The third phase: cells with the same sampling are denoised together, one lane for each trajectory.

use std::sync::Arc;
use std::time::Instant;

use ndarray::Array4;
use rayon::prelude::*;

use super::trajectory::{Lane, Member, State};
use super::{Component, Denoised, Denoiser, Engine, Event, Halt, Outcome, Phase, Task, are_finite};
use crate::diffusion::{Evaluation, Generator, combine};
use crate::meter::milliseconds;
use crate::pipeline::{Beginning, Ingredients};
use crate::plan::{Condition, Conditions, Guidance, Start};
use crate::vocabulary::{LatentStatistics, StepRecord};

/// The last cell of a batch, and the evaluations of its trajectory at which cells of later batches diverge from it.
struct BatchEnd<'a, 'p> {
    start: Start,
    cell: usize,
    guidance: &'a Guidance<'a>,
    divergences: &'p [usize],
}

impl<'a, D: Denoiser> Engine<'a, '_, D> {
    /// Denoises tasks with the same sampling and puts their latents on the shelf; latents already there are kept.
    /// `divergences` holds, for each task, the evaluations at which later tasks diverge from it.
    pub(super) fn denoise(&mut self, batch: &[Task<'a>], divergences: &[Vec<usize>]) -> Outcome<D> {
        let mut lanes = Vec::new();
        let mut batch_end = None;
        for (task, divergences) in batch.iter().zip(divergences) {
            if self.shelf.holds(self.key(task)) || self.finished.contains(&task.work.cell) {
                continue;
            }
            self.encode_image(task)?;
            if let Err(reason) = self.join(*task, &mut lanes) {
                let record = self.record(task);
                self.fail(task, record, reason)?;
                continue;
            }
            batch_end = Some(BatchEnd {
                start: task.start,
                cell: task.work.cell,
                guidance: &task.work.guidance,
                divergences,
            });
        }
        let Some(batch_end) = batch_end else {
            return Ok(());
        };
        self.begin(Component::Unet)?;
        self.emit(Event::Began(Phase::Denoising))?;
        self.forks.retain(|fork| {
            batch_end.divergences.contains(&fork.evaluation)
                && fork.is_on_path(batch_end.start, batch_end.guidance)
        });
        self.denoise_lanes(lanes, &batch_end)
    }

    /// Adds a cell to the lane of its trajectory, from the latest fork that is known. An error concerns only this cell.
    fn join(&mut self, task: Task<'a>, lanes: &mut Vec<Lane<'a>>) -> Result<(), String> {
        let guidance = &task.work.guidance;
        for condition in guidance.conditions() {
            self.conditioning.text(condition.text)?;
        }
        let on_path = (self.forks.iter()).filter(|fork| fork.is_on_path(task.start, guidance));
        let fork = on_path.max_by_key(|fork| fork.evaluation);
        let entry = fork.map_or(0, |fork| fork.evaluation);
        let joined =
            (lanes.iter()).position(|lane| (lane.start, lane.entry) == (task.start, entry));
        let joined = match (joined, fork) {
            (Some(joined), _) => joined,
            (None, Some(fork)) => {
                lanes.push(fork.enter());
                lanes.len() - 1
            }
            (None, None) => {
                lanes.push(self.first_lane(task.start)?);
                lanes.len() - 1
            }
        };
        let record = self.record(&task);
        lanes[joined].members.push(Member {
            task,
            guidance,
            record,
        });
        Ok(())
    }

    /// A lane at the beginning of a start's trajectory. An error concerns all cells of that start.
    fn first_lane(&mut self, start: Start) -> Result<Lane<'a>, String> {
        let sampling = start.sampling;
        let sampler = sampling.sampler(self.job.scheduler_config);
        let sampler = sampler.map_err(|error| error.to_string())?;
        let mut noise = self.generator(start.seed);
        let (channels, height, width) = self.latents_of(sampling);
        let pipeline = self.job.work.kind.pipeline();
        let (mut image, mut masked_image) = (None, None);
        for encodable in self.encodables(start) {
            let encoded = self.conditioning.image(encodable)?;
            match encodable.hidden {
                true => masked_image = Some(encoded),
                false => image = Some(encoded),
            }
        }
        let mask = self.latent_mask(start)?;
        let ingredients = Ingredients {
            sampler: &sampler,
            shape: (1, channels, height, width),
            scaling_factor: self.job.scaling_factor,
            strength: sampling.strength,
            image,
            masked_image,
            mask: mask.as_ref(),
        };
        let Beginning {
            latents,
            beside,
            kept,
        } = pipeline.begin(ingredients, &mut noise)?;
        Ok(Lane {
            start,
            entry: 0,
            state: State {
                sampler,
                noise,
                latents,
                beside: beside.map(Arc::new),
                kept: kept.map(Arc::new),
                statistics: Vec::new(),
            },
            rows: Vec::new(),
            is_finite: true,
            members: Vec::new(),
        })
    }

    /// A new generator for a seed; generators of the same seed share a memory of their draws.
    fn generator(&mut self, seed: u64) -> Generator {
        let source = self.job.plan.numerics.noise;
        let begun = self.generators.entry(seed);
        begun
            .or_insert_with(|| Generator::new(source, seed))
            .clone()
    }

    fn denoise_lanes(
        &mut self,
        mut waiting: Vec<Lane<'a>>,
        batch_end: &BatchEnd<'a, '_>,
    ) -> Outcome<D> {
        let begun = Instant::now();
        let batch_size: usize = waiting.iter().map(|lane| lane.members.len()).sum();
        let evaluations = waiting[0].state.sampler.evaluations().to_vec();
        let of = evaluations.len();
        let mut steps = Vec::with_capacity(of);
        let mut lanes: Vec<Lane<'a>> = Vec::new();
        for evaluation in evaluations {
            let index = evaluation.index;
            for lane in waiting.extract_if(.., |lane| lane.entry == index) {
                self.report_steps_taken_over(&lane, of)?;
                lanes.push(lane);
            }
            if lanes.is_empty() {
                continue;
            }
            let step = self.step(&mut lanes, evaluation, batch_end)?;
            self.emit(Event::Stepped {
                cells: cells(&lanes),
                done: index + 1,
                advanced: 1,
                of,
                ms: step.step_ms,
            })?;
            steps.push(step);
            self.drop_broken(&mut lanes, index, of)?;
        }
        let denoise_ms = milliseconds(begun) / batch_size as f64;
        self.shelve(lanes, batch_size, denoise_ms, steps)
    }

    /// Reports how many steps are already done for cells that take over a trajectory.
    fn report_steps_taken_over(&mut self, lane: &Lane<'a>, of: usize) -> Outcome<D> {
        if lane.entry == 0 {
            return Ok(());
        }
        self.emit(Event::Stepped {
            cells: cells(std::slice::from_ref(lane)),
            done: lane.entry,
            advanced: lane.entry,
            of,
            ms: 0.0,
        })
    }

    /// Puts finished latents on the shelf; the first cell of the batch gets the records of the steps.
    fn shelve(
        &mut self,
        lanes: Vec<Lane<'a>>,
        batch_size: usize,
        denoise_ms: f64,
        mut steps: Vec<StepRecord>,
    ) -> Outcome<D> {
        let first = cells(&lanes).into_iter().min();
        let peaks = self.peaks();
        for Lane { state, members, .. } in lanes {
            for Member {
                task, mut record, ..
            } in members
            {
                record.times.denoise_ms = Some(denoise_ms);
                peaks.raise(&mut record);
                record.batch_size = batch_size as u32;
                record.first_latents = state.statistics.as_slice().into();
                if Some(task.work.cell) == first {
                    record.steps = std::mem::take(&mut steps).into();
                }
                self.shelf.put(Denoised {
                    latents: state.latents.clone(),
                    record,
                })?;
            }
        }
        Ok(())
    }

    /// Evaluates the UNet once for every lane and takes the step that follows.
    fn step(
        &mut self,
        lanes: &mut Vec<Lane<'a>>,
        evaluation: Evaluation,
        batch_end: &BatchEnd<'a, '_>,
    ) -> Result<StepRecord, Halt<D::Error>> {
        let begun = Instant::now();
        let (unet_rows, unet_ms) = match self.predict(lanes, evaluation) {
            Ok(measured) => {
                self.keep_fork(lanes, evaluation, batch_end);
                // Lanes share no state, so they can be processed in any order.
                let ready = std::mem::take(lanes).into_par_iter();
                *lanes = ready
                    .map_init(Default::default, |guided, lane| {
                        advance(lane, evaluation, guided)
                    })
                    .flatten_iter()
                    .collect();
                measured
            }
            Err(error) => {
                let reason = self.reason(error)?;
                let members = lanes.iter_mut().flat_map(|lane| &mut lane.members);
                members.for_each(|member| member.record.error = Some(reason.clone()));
                (0, 0.0)
            }
        };
        self.meter.note_arena(self.model.arena_peak_bytes());
        let memory = self.meter.sample();
        Ok(StepRecord {
            step: evaluation.index as u32,
            timestep: f64::from(evaluation.timestep),
            sigma: evaluation.sigma,
            unet_rows,
            unet_ms,
            step_ms: milliseconds(begun),
            vram_mib: memory.vram_mib,
            rss_mib: memory.rss_mib,
        })
    }

    /// Keeps the point where cells of later batches diverge, with the UNet's outputs there.
    fn keep_fork(
        &mut self,
        lanes: &[Lane<'a>],
        evaluation: Evaluation,
        batch_end: &BatchEnd<'a, '_>,
    ) {
        let followed_by = |lane: &&Lane| {
            let mut members = lane.members.iter();
            members.any(|member| member.task.work.cell == batch_end.cell)
        };
        if batch_end.divergences.contains(&evaluation.index)
            && let Some(lane) = lanes.iter().find(followed_by)
        {
            lane.keep(evaluation.index, batch_end.guidance, &mut self.forks);
        }
    }

    /// Fails the cells for which the UNet failed or whose latents are no longer finite.
    fn drop_broken(&mut self, lanes: &mut Vec<Lane<'a>>, index: usize, of: usize) -> Outcome<D> {
        let mut broken = Vec::new();
        for lane in lanes.iter_mut() {
            if !lane.is_finite {
                let reason = format!("NaN or infinite latents at step {} of {of}", index + 1);
                for member in &mut lane.members {
                    member.record.error.get_or_insert_with(|| reason.clone());
                }
            }
            broken.extend(
                lane.members
                    .extract_if(.., |member| member.record.error.is_some()),
            );
        }
        lanes.retain(|lane| !lane.members.is_empty());
        for Member {
            task, mut record, ..
        } in broken
        {
            let reason = record.error.take().unwrap_or_default();
            self.peaks().raise(&mut record);
            self.fail(&task, record, reason)?;
        }
        Ok(())
    }
}

/// Splits a lane after a step: one lane for each distinct set of conditions that its cells ask for. `guided` is memory
/// for their guided predictions.
fn advance<'a>(lane: Lane<'a>, evaluation: Evaluation, guided: &mut Array4<f32>) -> Vec<Lane<'a>> {
    let Lane {
        start,
        entry,
        state,
        rows,
        members,
        ..
    } = lane;
    let mut stepped = |mut state: State, (asked, members): (Conditions<'a>, Vec<Member<'a>>)| {
        let row_of = |condition: Condition| {
            let mut rows = rows.iter();
            rows.find_map(|(known, row)| (*known == condition).then_some(row))
        };
        let terms = asked.iter();
        let terms: Vec<_> = terms
            .filter_map(|&(condition, coefficient)| Some((coefficient, row_of(condition)?.view())))
            .collect();
        combine(&terms, guided);
        let State {
            sampler,
            noise,
            latents,
            kept,
            statistics,
            ..
        } = &mut state;
        let before = std::mem::take(latents);
        let stepped = sampler.step(evaluation, guided.view(), before, noise);
        *latents = match kept {
            Some(kept) => kept.put_back(sampler, evaluation.index, stepped),
            None => stepped,
        };
        if evaluation.index < LatentStatistics::STEPS {
            statistics.push(LatentStatistics::of(latents.view()));
        }
        Lane {
            start,
            entry,
            is_finite: are_finite(latents.view()),
            state,
            rows: Vec::new(),
            members,
        }
    };
    let mut parts = Lane::diverged(members, evaluation.step);
    let Some(last) = parts.pop() else {
        return Vec::new();
    };
    let mut lanes: Vec<Lane<'a>> = parts
        .into_iter()
        .map(|part| stepped(state.clone(), part))
        .collect();
    lanes.push(stepped(state, last));
    lanes
}

fn cells(lanes: &[Lane]) -> Vec<usize> {
    let members = lanes.iter().flat_map(|lane| &lane.members);
    members.map(|member| member.task.work.cell).collect()
}
