//! Finds out with small calls how many UNet rows a call of this model has room for on this device.

use ndarray::{Array3, Array4};

use super::batches::{MOST_CALLS, MOST_ROWS, rows_with_room};
use super::{
    Component, Denoiser, DeviceMemory, Engine, Event, Halt, Headroom, Outcome, Policy, Task,
};
use crate::plan::Sampling;

const MIB: u64 = 1 << 20;

/// What a call took.
#[derive(Debug, Clone, Copy)]
struct CallCost {
    rows: usize,
    /// The most that had been handed out at once up to then, in bytes.
    peak_bytes: u64,
    /// What was left, in bytes.
    free_bytes: u64,
}

impl<'a, D: Denoiser> Engine<'a, '_, D> {
    /// Sets the rows a call if the policy leaves that to a probe, using the largest size among the tasks. The policy's
    /// own values stay if the tasks need no more, or if the device does not report its memory.
    pub(super) fn choose_row_limit(&mut self, tasks: &[Task<'a>]) -> Outcome<D> {
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
        let plain = self.job.work.kind.pipeline().plain_rows();
        let most = MOST_ROWS.min(self.most_valid_rows(&largest));
        // If the arena's earlier peak hides what a small call takes, larger calls show the cost of a row.
        let doubled = std::iter::successors(Some(plain), |rows| Some(2 * rows));
        let mut before: Option<CallCost> = None;
        for rows in doubled.take_while(|&rows| rows <= most) {
            let Some(taken) = self.take(&largest, rows, text)? else {
                return Ok(());
            };
            match before {
                Some(few) if taken.peak_bytes > few.peak_bytes => {
                    return self.set_row_limit(few, taken, most);
                }
                // The memory for this call is already there, and no call needs more rows.
                Some(_) if rows >= needed => break,
                Some(_) | None => before = Some(taken),
            }
        }
        Ok(())
    }

    /// Makes a call of this many rows. `None` if the device does not report its memory, or if the call fails other than
    /// by lack of memory: the same failure will then be reported for the cells.
    fn take(
        &mut self,
        task: &Task<'a>,
        rows: usize,
        (tokens, hidden): (usize, usize),
    ) -> Result<Option<CallCost>, Halt<D::Error>> {
        let (channels, height, width) = self.latents_of(task.start.sampling);
        let channels = self.job.work.kind.family().unet_channels(channels);
        let sample = Array4::zeros((rows, channels, height, width));
        let texts = Array3::zeros((rows, tokens, hidden));
        let mut output = Array4::zeros((0, 0, 0, 0));
        let called = (self.model).predict(sample.view(), 0.0, texts.view().into(), &mut output);
        match called {
            Ok(()) => {}
            Err(error) if error.is_out_of_memory() => return Err(self.halt(error)),
            Err(_) => return Ok(None),
        }
        let headroom = self.model.headroom(Component::Unet);
        Ok(headroom.map(
            |Headroom {
                 peak_bytes,
                 free_bytes,
             }| CallCost {
                rows,
                peak_bytes,
                free_bytes,
            },
        ))
    }

    /// Sets the rows that there is room for, judging by a call of few rows and one of more.
    fn set_row_limit(&mut self, few: CallCost, more: CallCost, most: usize) -> Outcome<D> {
        let sizes = [few, more].map(|taken| (taken.rows, taken.peak_bytes));
        let rows = rows_with_room(sizes[0], sizes[1], more.free_bytes).min(most);
        self.policy = Policy {
            unet_rows: rows,
            batch: MOST_ROWS,
            calls: MOST_CALLS,
            ..self.policy
        };
        let grown = more.peak_bytes.saturating_sub(few.peak_bytes);
        let row_mib = (grown / (more.rows - few.rows) as u64).div_ceil(MIB);
        self.emit(Event::Note(format!(
            "up to {rows} UNet rows a call: {row_mib} MiB a row, {} MiB free",
            more.free_bytes / MIB
        )))
    }

    /// How many rows of a task's size a call may have and still be numerically right.
    fn most_valid_rows(&self, task: &Task) -> usize {
        let (_, height, width) = self.latents_of(task.start.sampling);
        self.model.most_rows(height, width).unwrap_or(usize::MAX)
    }

    /// Runs the components that stay in memory beside the UNet once, so that they take their share of it first.
    fn warm_up(&mut self, task: &Task<'a>) -> Outcome<D> {
        if !self.policy.phased {
            self.encode_image(task)?;
            self.ready(Component::VaeDecoder)?;
            let (channels, height, width) = self.latents_of(task.start.sampling);
            let latents = Array4::zeros((1, channels, height, width));
            let decoded = self.model.decode(latents.view());
            if let Err(error) = decoded
                && error.is_out_of_memory()
            {
                return Err(self.halt(error));
            }
        }
        self.ready(Component::Unet)
    }
}
