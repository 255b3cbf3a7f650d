//! Cells that have had the same predictions so far share one trajectory: a lane. Where they diverge, the lane is
//! forked; where cells of a later batch diverge, a fork is kept for them.

use std::sync::Arc;

use ndarray::{Array4, ArrayView4, Axis, Slice};

use super::Task;
use crate::diffusion::start::Kept;
use crate::diffusion::{Evaluation, Generator, Sampler};
use crate::plan::{Condition, Conditions, Guidance, Start};
use crate::vocabulary::{LatentStatistics, Record};

/// Everything that the next step of a trajectory depends on. It depends on nothing of other cells, and so neither does
/// the cell's result.
#[derive(Clone)]
pub(super) struct State {
    pub sampler: Sampler,
    pub noise: Generator,
    pub latents: Array4<f32>,
    /// Channels that conditioned rows see beside the latents, if any: the same at every step.
    pub beside: Option<Arc<Array4<f32>>>,
    /// What is put back into the latents after each evaluation, if anything.
    pub kept: Option<Arc<Kept>>,
    /// Statistics of the latents after the first steps.
    pub statistics: Vec<LatentStatistics>,
}

/// One row (1, channels, h, w) of a UNet call's output.
#[derive(Clone)]
pub(super) struct Row {
    pub output: Arc<Array4<f32>>,
    pub index: usize,
}

impl Row {
    pub fn view(&self) -> ArrayView4<'_, f32> {
        let row = Slice::from(self.index..self.index + 1);
        self.output.slice_axis(Axis(0), row)
    }
}

/// The UNet's output rows for one evaluation of a trajectory, with their conditions.
pub(super) type Rows<'a> = Vec<(Condition<'a>, Row)>;

/// A cell on a trajectory.
pub(super) struct Member<'a> {
    pub task: Task<'a>,
    pub guidance: &'a Guidance<'a>,
    pub record: Record,
}

/// A trajectory with the cells that have not diverged yet.
pub(super) struct Lane<'a> {
    pub start: Start,
    /// The evaluation at which this batch enters the trajectory.
    pub entry: usize,
    pub state: State,
    /// The UNet's outputs at the present evaluation.
    pub rows: Rows<'a>,
    /// Whether its latents are numbers.
    pub is_finite: bool,
    pub members: Vec<Member<'a>>,
}

/// A point of a trajectory where cells of later batches diverge.
pub(super) struct Fork<'a> {
    pub start: Start,
    pub evaluation: usize,
    /// The guidance of a cell whose trajectory goes through this point.
    guidance: &'a Guidance<'a>,
    state: State,
    /// The UNet's outputs there so far.
    rows: Rows<'a>,
}

/// The evaluation at which two cells with the same start diverge; the number of evaluations if they never do.
fn divergence(one: &Guidance, other: &Guidance, evaluations: &[Evaluation]) -> usize {
    let divergence = one.divergence(other);
    let differs = |evaluation: &Evaluation| divergence.is_some_and(|step| evaluation.step >= step);
    evaluations
        .iter()
        .position(differs)
        .unwrap_or(evaluations.len())
}

impl<'a> Fork<'a> {
    /// Whether a cell's trajectory goes through this point.
    pub fn is_on_path(&self, start: Start, guidance: &Guidance) -> bool {
        let evaluations = self.state.sampler.evaluations();
        self.start == start && self.evaluation <= divergence(self.guidance, guidance, evaluations)
    }

    /// A lane that starts here.
    pub fn enter(&self) -> Lane<'a> {
        Lane {
            start: self.start,
            entry: self.evaluation,
            state: self.state.clone(),
            rows: self.rows.clone(),
            is_finite: true,
            members: Vec::new(),
        }
    }
}

impl<'a> Lane<'a> {
    /// Keeps this point for later cells; if it is kept already, adds the outputs evaluated since.
    pub fn keep(&self, evaluation: usize, guidance: &'a Guidance<'a>, forks: &mut Vec<Fork<'a>>) {
        let kept = |fork: &&mut Fork| (fork.start, fork.evaluation) == (self.start, evaluation);
        match forks.iter_mut().find(kept) {
            Some(fork) => fork.rows.clone_from(&self.rows),
            None => forks.push(Fork {
                start: self.start,
                evaluation,
                guidance,
                state: self.state.clone(),
                rows: self.rows.clone(),
            }),
        }
    }

    /// Groups the members by the conditions they ask for at a step, in order of each group's first member.
    pub fn diverged(members: Vec<Member<'a>>, step: u32) -> Vec<(Conditions<'a>, Vec<Member<'a>>)> {
        let mut parts: Vec<(Conditions<'a>, Vec<Member<'a>>)> = Vec::new();
        for member in members {
            let asked = member.guidance.at(step);
            match parts.iter_mut().find(|(known, _)| known == asked) {
                Some((_, part)) => part.push(member),
                None => parts.push((asked.to_vec(), vec![member])),
            }
        }
        parts
    }
}

/// For each cell, in the order of work, the evaluations at which later cells diverge from its trajectory: forks must be
/// kept there once the cell is done. `evaluations` gives those of a start's sampling.
pub(super) fn later_divergences<'e>(
    cells: &[(Start, &Guidance)],
    evaluations: impl Fn(Start) -> &'e [Evaluation],
) -> Vec<Vec<usize>> {
    let mut divergences: Vec<Vec<usize>> = vec![Vec::new(); cells.len()];
    for index in (1..cells.len()).rev() {
        let [(start, guidance), (next_start, next)] = &cells[index - 1..=index] else {
            continue;
        };
        if start != next_start {
            continue;
        }
        // Cells after the next one diverge from this one where they diverge from the next one, or where the next one
        // does.
        let at = divergence(guidance, next, evaluations(*start));
        let mut those: Vec<usize> = divergences[index]
            .iter()
            .copied()
            .filter(|&e| e < at)
            .collect();
        those.push(at);
        divergences[index - 1] = those;
    }
    divergences
}

/// The guidance of each of the cells that share a trajectory so far.
type Together<'g> = Vec<&'g Guidance<'g>>;

/// The UNet rows of each evaluation if these cells are denoised together from the beginning.
pub(super) fn rows_of_steps<'g>(
    cells: &[(Start, &'g Guidance<'g>)],
    evaluations: &[Evaluation],
) -> Vec<usize> {
    let mut of_starts: Vec<(Start, Together)> = Vec::new();
    for &(start, guidance) in cells {
        match of_starts.iter_mut().find(|(known, _)| *known == start) {
            Some((_, together)) => together.push(guidance),
            None => of_starts.push((start, vec![guidance])),
        }
    }
    let mut lanes: Vec<Together> = of_starts.into_iter().map(|(_, lane)| lane).collect();
    let mut rows_of = |evaluation: &Evaluation| {
        let rows = lanes.iter().map(|lane| rows_at(lane, evaluation.step));
        let rows = rows.sum();
        let diverged = lanes
            .iter()
            .flat_map(|lane| parts_at(lane, evaluation.step));
        lanes = diverged.collect();
        rows
    };
    evaluations.iter().map(&mut rows_of).collect()
}

/// The rows that cells on one trajectory ask for at a step: each distinct condition is one row.
fn rows_at(together: &Together, step: u32) -> usize {
    let mut conditions: Vec<Condition> = Vec::new();
    for (condition, _) in together.iter().flat_map(|guidance| guidance.at(step)) {
        if !conditions.contains(condition) {
            conditions.push(*condition);
        }
    }
    conditions.len()
}

/// Splits cells on one trajectory by the conditions they ask for at a step.
fn parts_at<'g>(together: &Together<'g>, step: u32) -> Vec<Together<'g>> {
    let mut parts: Vec<Together<'g>> = Vec::new();
    for &guidance in together {
        let asks_the_same = |part: &&mut Together| part[0].at(step) == guidance.at(step);
        match parts.iter_mut().find(asks_the_same) {
            Some(part) => part.push(guidance),
            None => parts.push(vec![guidance]),
        }
    }
    parts
}
