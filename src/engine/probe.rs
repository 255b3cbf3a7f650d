//! How many UNet rows a call of this model has room for on this device, found out by two small calls.

use ndarray::{Array3, Array4};

use super::batches::{MOST_ROWS, rows_with_room};
use super::{Component, Denoiser, DeviceMemory, Engine, Event, Outcome, Policy, Task};
use crate::plan::Sampling;

const MIB: u64 = 1 << 20;

impl<'a, D: Denoiser> Engine<'a, '_, D> {
    /// Settles the rows a call where the policy leaves them to a probe. The probe is of the largest size among the
    /// tasks; what the policy has stays where the tasks need no more, or the device does not say what it holds.
    pub(super) fn settle_rows(&mut self, tasks: &[Task<'a>]) -> Outcome<D> {
        if !std::mem::take(&mut self.policy.probe) {
            return Ok(());
        }
        let Policy { unet_rows, .. } = self.policy;
        let pixels = |sampling: Sampling| u64::from(sampling.width) * u64::from(sampling.height);
        let largest = tasks.iter().max_by_key(|task| pixels(task.start.sampling));
        let needed: usize = tasks.iter().map(Task::rows_a_step).sum();
        let (Some(&largest), Some(text)) = (largest, self.conditioning.shape_of_texts()) else {
            return Ok(());
        };
        if needed <= unet_rows {
            return Ok(());
        }
        self.warm_up(&largest)?;
        let pipeline = self.job.work.kind.pipeline();
        // Of one cell and of two.
        let probed = [pipeline.plain_rows(), 2 * pipeline.plain_rows()];
        let mut found = [(0, 0, 0); 2];
        for (found, rows) in found.iter_mut().zip(probed) {
            let (channels, height, width) = self.latents_of(largest.start.sampling);
            let sample = Array4::zeros((rows, pipeline.unet_channels(channels), height, width));
            let texts = Array3::zeros((rows, text.0, text.1));
            let predicted = self.model.predict(sample.view(), 0.0, texts.view());
            self.unless_out_of_memory(predicted.map(drop))?;
            let Some(headroom) = self.model.headroom(Component::Unet) else {
                return Ok(());
            };
            *found = (rows, headroom.peak_bytes, headroom.free_bytes);
        }
        let [(few, few_bytes, _), (more, more_bytes, free_bytes)] = found;
        let rows = rows_with_room((few, few_bytes), (more, more_bytes), free_bytes);
        self.policy = Policy {
            unet_rows: rows,
            batch: MOST_ROWS,
            ..self.policy
        };
        let row_mib = (more_bytes.saturating_sub(few_bytes) / (more - few) as u64).div_ceil(MIB);
        self.emit(Event::Note(format!(
            "up to {rows} UNet rows a call: {row_mib} MiB a row, {} MiB free",
            free_bytes / MIB
        )))
    }

    /// Lets the components that stay in memory beside the UNet take their share of it first.
    fn warm_up(&mut self, task: &Task<'a>) -> Outcome<D> {
        if !self.policy.phased {
            self.encode_image(task)?;
            self.ready(Component::VaeDecoder)?;
            let (channels, height, width) = self.latents_of(task.start.sampling);
            let latents = Array4::zeros((1, channels, height, width));
            let decoded = self.model.decode(latents.view());
            self.unless_out_of_memory(decoded.map(drop))?;
        }
        self.ready(Component::Unet)
    }

    /// What fails for want of memory asks for less of it; what fails otherwise will fail the cells, which say so.
    fn unless_out_of_memory(&self, result: Result<(), D::Error>) -> Outcome<D> {
        match result {
            Err(error) if error.is_out_of_memory() => Err(self.halt(error)),
            _ => Ok(()),
        }
    }
}
