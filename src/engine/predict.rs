//! The UNet's part of a step: the rows that the lanes need, split into calls.

use std::sync::Arc;
use std::time::Instant;

use super::trajectory::{Lane, Member, Row};
use super::{Denoiser, Engine};
use crate::diffusion::Evaluation;
use crate::meter::milliseconds;
use crate::plan::Condition;

/// A UNet row to evaluate: the index of its lane, and its condition.
type Wanted<'a> = (usize, Condition<'a>);

impl<'a, D: Denoiser> Engine<'a, '_, D> {
    /// Evaluates the rows that are still missing; returns their number and the milliseconds that the calls took.
    pub(super) fn predict(
        &mut self,
        lanes: &mut [Lane<'a>],
        evaluation: Evaluation,
    ) -> Result<(u32, f64), D::Error> {
        let wanted = wanted(lanes, evaluation.step);
        let rows_a_call = match self.policy.pad {
            true => self.padded_rows,
            false => self.policy.unet_rows.max(1),
        };
        let mut unet_ms = 0.0;
        for chunk in wanted.chunks(rows_a_call) {
            let rows = if self.policy.pad {
                rows_a_call
            } else {
                chunk.len()
            };
            for (row, &(lane, condition)) in chunk.iter().enumerate() {
                let Lane { state, .. } = &lanes[lane];
                let deviation = state.sampler.input_deviation(evaluation);
                // Cells whose text failed have no lane.
                let embedding = self.conditioning.text(condition.text).ok();
                let text = embedding.map(|embedding| (condition.text, embedding));
                let beside = state.beside.as_deref().filter(|_| condition.image);
                self.inputs
                    .write(rows, row, (&state.latents, deviation), beside, text);
            }
            let (sample, texts) = self.inputs.views(rows);
            let begun = Instant::now();
            let output = self.model.predict(sample, evaluation.timestep, texts)?;
            unet_ms += milliseconds(begun);
            let output = Arc::new(output);
            for (index, &(lane, condition)) in chunk.iter().enumerate() {
                let output = Arc::clone(&output);
                lanes[lane].rows.push((condition, Row { output, index }));
            }
        }
        Ok((wanted.len() as u32, unet_ms))
    }
}

/// The rows that lanes still need at a step; each counts for the first cell that needs it.
fn wanted<'a>(lanes: &mut [Lane<'a>], step: u32) -> Vec<Wanted<'a>> {
    let mut wanted = Vec::new();
    for (index, lane) in lanes.iter_mut().enumerate() {
        let of_lane = wanted.len();
        for Member {
            guidance, record, ..
        } in &mut lane.members
        {
            for &(condition, _) in guidance.at(step) {
                let is_known = lane.rows.iter().any(|(known, _)| *known == condition)
                    || wanted[of_lane..].contains(&(index, condition));
                if !is_known {
                    wanted.push((index, condition));
                    record.unet_evals += 1;
                }
            }
        }
    }
    wanted
}
