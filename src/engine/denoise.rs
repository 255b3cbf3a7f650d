//! The third phase: cells of one course are denoised together, a lane each.

use std::collections::HashMap;
use std::time::Instant;

use ndarray::{Array3, Array4, Axis, s};

use super::{Component, Denoised, Denoiser, Engine, Event, Halt, Outcome, Task};
use crate::diffusion::{Generator, Sampler, combine};
use crate::meter::milliseconds;
use crate::plan::{Condition, Start};
use crate::store::{LatentStatistics, Record, StepRecord};

/// One cell while it is denoised. It owns its generator, so that its result depends on nothing beside it.
struct Lane<'a> {
    task: Task<'a>,
    sampler: Sampler,
    noise: Generator,
    latents: Array4<f32>,
    conditions: Vec<(Condition<'a>, f32)>,
    record: Record,
}

/// UNet outputs (1, channels, h, w) by what they depend on.
pub(super) type Predictions<'a> = HashMap<(Origin, Condition<'a>), Array4<f32>>;

/// Which latents a UNet row was computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// The first ones, which all cells of this start share.
    Start(Start),
    /// Those of one lane.
    Lane(usize),
}

impl<'a, D: Denoiser> Engine<'a, '_, D> {
    /// Denoises tasks of one course and puts their latents on the shelf, unless they lie there.
    pub(super) fn denoise(&mut self, batch: &[Task<'a>]) -> Outcome<D> {
        self.meter.begin();
        let mut lanes = Vec::new();
        for task in batch {
            if self.shelf.holds(self.key(task)) || self.finished.contains(&task.work.cell) {
                continue;
            }
            self.encode_image(task)?;
            match self.lane(*task) {
                Ok(lane) => lanes.push(lane),
                Err(reason) => self.fail(task, self.record(task), reason)?,
            }
        }
        if lanes.is_empty() {
            return Ok(());
        }
        self.ready(Component::Unet)?;
        self.first_rows.retain(|(origin, _), _| {
            lanes
                .iter()
                .any(|lane: &Lane| *origin == Origin::Start(lane.task.start))
        });
        self.denoise_lanes(lanes)
    }

    fn denoise_lanes(&mut self, mut lanes: Vec<Lane<'a>>) -> Outcome<D> {
        let begun = Instant::now();
        let batch_size = lanes.len();
        let of = lanes[0].sampler.evaluations().len();
        let mut steps = Vec::with_capacity(of);
        for index in 0..of {
            let step = self.step(&mut lanes, index)?;
            let cells = lanes.iter().map(|lane| lane.task.work.cell).collect();
            self.emit(Event::Stepped {
                cells,
                done: index + 1,
                of,
                ms: step.step_ms,
            })?;
            steps.push(step);
            self.drop_broken(&mut lanes, index, of)?;
            if lanes.is_empty() {
                return Ok(());
            }
            if index < LatentStatistics::STEPS {
                for lane in &mut lanes {
                    let statistics = LatentStatistics::of(lane.latents.view());
                    lane.record.first_latents.push(statistics);
                }
            }
        }
        let denoise_ms = milliseconds(begun) / batch_size as f64;
        for (index, mut lane) in lanes.into_iter().enumerate() {
            lane.record.times.denoise_ms = Some(denoise_ms);
            lane.record.batch_size = batch_size as u32;
            if index == 0 {
                lane.record.steps = std::mem::take(&mut steps);
            }
            self.shelf.put(Denoised {
                latents: lane.latents,
                record: lane.record,
            })?;
        }
        Ok(())
    }

    /// A lane with its first latents; the error is the cell's.
    fn lane(&mut self, task: Task<'a>) -> Result<Lane<'a>, String> {
        let conditions = self.conditions(&task);
        for (condition, _) in &conditions {
            self.conditioning.text(condition.text)?;
        }
        self.conditioning.image(task.start)?;
        let course = task.start.course;
        let config = self.job.scheduler_config;
        let sampler = Sampler::new(course.scheduler, config, course.num_inference_steps)
            .map_err(|error| error.to_string())?;
        let mut noise = Generator::new(self.job.plan.numerics.noise, task.start.seed);
        let side = |pixels: u32| (pixels / self.job.vae_factor) as usize;
        let shape = (
            1,
            self.job.latent_channels,
            side(course.height),
            side(course.width),
        );
        let latents = noise.randn(shape) * sampler.init_noise_sigma();
        let mut record = self.record(&task);
        let texts = conditions.iter().map(|(condition, _)| condition.text);
        record.times.encode_text_ms = self.conditioning.take_text_ms(texts);
        record.times.encode_image_ms = self.conditioning.take_image_ms(task.start);
        Ok(Lane {
            task,
            sampler,
            noise,
            latents,
            conditions,
            record,
        })
    }

    /// One evaluation of the UNet for every lane, and the step that follows from it.
    fn step(&mut self, lanes: &mut [Lane<'a>], index: usize) -> Result<StepRecord, Halt<D::Error>> {
        let begun = Instant::now();
        let evaluation = lanes[0].sampler.evaluations()[index];
        let mut predictions = if index == 0 {
            std::mem::take(&mut self.first_rows)
        } else {
            HashMap::new()
        };
        let predicted = self.predict(lanes, index, &mut predictions);
        let (unet_rows, unet_ms) = match predicted {
            Ok(measured) => measured,
            Err(error) => {
                let reason = self.reason(error)?;
                lanes
                    .iter_mut()
                    .for_each(|lane| lane.record.error = Some(reason.clone()));
                (0, 0.0)
            }
        };
        for (number, lane) in lanes
            .iter_mut()
            .enumerate()
            .filter(|(_, lane)| lane.record.error.is_none())
        {
            let origin = lane.origin(number, index);
            let terms: Vec<_> = lane
                .conditions
                .iter()
                .map(|&(condition, coefficient)| {
                    (coefficient, predictions[&(origin, condition)].view())
                })
                .collect();
            let prediction = combine(&terms);
            let latents = std::mem::take(&mut lane.latents);
            lane.latents =
                lane.sampler
                    .step(evaluation, prediction.view(), latents, &mut lane.noise);
        }
        if index == 0 {
            self.first_rows = predictions;
        }
        self.meter.note_arena(self.model.arena_peak_bytes());
        let memory = self.meter.sample();
        Ok(StepRecord {
            step: index as u32,
            timestep: f64::from(evaluation.timestep),
            sigma: evaluation.sigma,
            unet_rows,
            unet_ms,
            step_ms: milliseconds(begun),
            vram_mib: memory.vram_mib,
            rss_mib: memory.rss_mib,
        })
    }

    /// Evaluates the rows that are not there yet; returns how many, and the milliseconds of the calls.
    fn predict(
        &mut self,
        lanes: &mut [Lane<'a>],
        index: usize,
        predictions: &mut Predictions<'a>,
    ) -> Result<(u32, f64), D::Error> {
        let mut wanted: Vec<(usize, Origin, Condition<'a>)> = Vec::new();
        for (number, lane) in lanes.iter_mut().enumerate() {
            let origin = lane.origin(number, index);
            for &(condition, _) in &lane.conditions {
                let known = predictions.contains_key(&(origin, condition))
                    || wanted
                        .iter()
                        .any(|&(_, other, row)| (other, row) == (origin, condition));
                if !known {
                    wanted.push((number, origin, condition));
                    lane.record.unet_evals += 1;
                }
            }
        }
        let evaluation = lanes[0].sampler.evaluations()[index];
        let scale = |lane: &Lane| {
            lane.sampler
                .scale_model_input(evaluation, lane.latents.view())
        };
        let scaled: Vec<Array4<f32>> = lanes.iter().map(scale).collect();
        let mut unet_ms = 0.0;
        for rows in wanted.chunks(self.policy.unet_rows.max(1)) {
            let (sample, text) = self.assemble(lanes, &scaled, rows);
            let begun = Instant::now();
            let output = self
                .model
                .predict(sample.view(), evaluation.timestep, text.view())?;
            unet_ms += milliseconds(begun);
            for (row, &(_, origin, condition)) in output.axis_iter(Axis(0)).zip(rows) {
                predictions.insert((origin, condition), row.insert_axis(Axis(0)).to_owned());
            }
        }
        Ok((wanted.len() as u32, unet_ms))
    }

    /// The UNet's inputs: scaled latents beside image latents or zeros, and text embeddings.
    fn assemble(
        &self,
        lanes: &[Lane<'a>],
        scaled: &[Array4<f32>],
        rows: &[(usize, Origin, Condition<'a>)],
    ) -> (Array4<f32>, Array3<f32>) {
        let (_, channels, height, width) = scaled[0].dim();
        let mut sample = Array4::zeros((rows.len(), 2 * channels, height, width));
        let mut text = Vec::with_capacity(rows.len());
        for (row, &(lane, _, condition)) in rows.iter().enumerate() {
            sample
                .slice_mut(s![row, ..channels, .., ..])
                .assign(&scaled[lane].slice(s![0, .., .., ..]));
            if condition.image
                && let Ok(image) = self.conditioning.image(lanes[lane].task.start)
            {
                sample
                    .slice_mut(s![row, channels.., .., ..])
                    .assign(&image.slice(s![0, .., .., ..]));
            }
            text.extend(
                self.conditioning
                    .text(condition.text)
                    .map(|text| text.view()),
            );
        }
        let text = ndarray::concatenate(Axis(0), &text).unwrap_or_default();
        (sample, text)
    }

    /// Fails the lanes that the UNet failed for, or whose latents left the numbers.
    fn drop_broken(&mut self, lanes: &mut Vec<Lane<'a>>, index: usize, of: usize) -> Outcome<D> {
        for lane in lanes.iter_mut().filter(|lane| lane.record.error.is_none()) {
            if !lane.latents.iter().all(|value| value.is_finite()) {
                lane.record.error = Some(format!(
                    "NaN or infinite latents at step {} of {of}",
                    index + 1
                ));
            }
        }
        for mut lane in lanes
            .extract_if(.., |lane| lane.record.error.is_some())
            .collect::<Vec<_>>()
        {
            let reason = lane.record.error.take().unwrap_or_default();
            self.fail(&lane.task, lane.record, reason)?;
        }
        Ok(())
    }
}

impl Lane<'_> {
    fn origin(&self, number: usize, index: usize) -> Origin {
        if index == 0 {
            Origin::Start(self.task.start)
        } else {
            Origin::Lane(number)
        }
    }
}
