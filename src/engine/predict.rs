//! The UNet's part of a step: the rows that the lanes need, dealt to calls.

use std::sync::Arc;
use std::time::Instant;

use ndarray::Array4;

use super::conditioning::Conditioning;
use super::inputs::RowInput;
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
        for call in dealt(&wanted, rows_a_call) {
            let rows = if self.policy.pad {
                rows_a_call
            } else {
                call.len()
            };
            let given = call.iter().map(|&(lane, condition)| {
                row_input(&lanes[lane], condition, evaluation, &self.conditioning)
            });
            self.inputs.write(rows, &given.collect::<Vec<_>>());
            let (sample, texts) = self.inputs.views(rows);
            let mut output = self.outputs.take();
            let begun = Instant::now();
            self.model
                .predict(sample, evaluation.timestep, texts, &mut output)?;
            unet_ms += milliseconds(begun);
            let output = self.outputs.keep(output);
            for (index, &(lane, condition)) in call.iter().enumerate() {
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
    // Alike rows side by side, so that dealing them gives each call as many of a kind.
    wanted.sort_by_key(|&(_, condition)| condition);
    wanted
}

/// Deals rows to as few calls as they need, like cards: rows with the same condition have the same place in every call.
/// So texts and image latents are where the call before had them, and need not be copied to the device again.
fn dealt<'w, 'a>(
    wanted: &'w [Wanted<'a>],
    rows_a_call: usize,
) -> impl Iterator<Item = Vec<Wanted<'a>>> + use<'w, 'a> {
    let calls = wanted.len().div_ceil(rows_a_call);
    (0..calls).map(move |call| wanted.iter().skip(call).step_by(calls).copied().collect())
}

fn row_input<'e, 'a>(
    lane: &'e Lane<'a>,
    condition: Condition<'a>,
    evaluation: Evaluation,
    conditioning: &'e Conditioning<'a>,
) -> RowInput<'e, 'a> {
    let state = &lane.state;
    // Cells whose text failed have no lane.
    let embedding = conditioning.text(condition.text).ok();
    RowInput {
        latents: (&state.latents, state.sampler.input_deviation(evaluation)),
        beside: state.beside.as_ref().filter(|_| condition.image),
        text: embedding.map(|embedding| (condition.text, embedding)),
    }
}

/// Arrays for the UNet's outputs, which are used again once no lane and no fork refers to them.
#[derive(Default)]
pub(super) struct Outputs(Vec<Arc<Array4<f32>>>);

impl Outputs {
    /// An array to write to, with an earlier call's shape and content, or empty.
    fn take(&mut self) -> Array4<f32> {
        let is_free = |output: &Arc<_>| Arc::strong_count(output) == 1;
        let free = self.0.iter().position(is_free);
        let taken = free.and_then(|free| Arc::into_inner(self.0.swap_remove(free)));
        taken.unwrap_or_default()
    }

    fn keep(&mut self, output: Array4<f32>) -> Arc<Array4<f32>> {
        let output = Arc::new(output);
        self.0.push(Arc::clone(&output));
        output
    }
}
