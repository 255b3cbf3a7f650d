//! Cells that were asked the same so far share one trajectory: a lane. Where they diverge it is forked, and
//! where cells of a later batch diverge from it, a fork is kept for them.

use std::sync::Arc;

use ndarray::{Array4, ArrayView4, Axis, Slice};

use super::Task;
use crate::diffusion::start::Kept;
use crate::diffusion::{Evaluation, Generator, Sampler};
use crate::plan::{Condition, Conditions, Guidance, Start};
use crate::vocabulary::{LatentStatistics, Record};

/// All that the next step of a trajectory depends on. Nothing beside a cell touches it, so that the cell's result
/// depends on nothing beside it.
#[derive(Clone)]
pub(super) struct State {
    pub sampler: Sampler,
    pub noise: Generator,
    pub latents: Array4<f32>,
    /// What conditioned rows see beside the latents, if anything: the same from the first step to the last.
    pub beside: Option<Arc<Array4<f32>>>,
    /// What is put back into the latents after each evaluation, if anything.
    pub kept: Option<Arc<Kept>>,
    /// Of the latents after the first steps.
    pub statistics: Vec<LatentStatistics>,
}

/// A UNet output (1, channels, h, w) inside that of the call which gave it.
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

/// UNet outputs of one evaluation of a trajectory.
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
    /// The evaluation from which on this batch goes through it.
    pub entry: usize,
    pub state: State,
    /// What the UNet said at the present evaluation.
    pub rows: Rows<'a>,
    pub members: Vec<Member<'a>>,
}

/// The point of a trajectory where cells of later batches part.
pub(super) struct Fork<'a> {
    pub start: Start,
    pub evaluation: usize,
    /// That of a cell which came by.
    guidance: &'a Guidance<'a>,
    state: State,
    /// What was evaluated there so far.
    rows: Rows<'a>,
}

/// The evaluation at which two cells of one start part; the number of evaluations if never.
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

    /// A lane from here.
    pub fn enter(&self) -> Lane<'a> {
        Lane {
            start: self.start,
            entry: self.evaluation,
            state: self.state.clone(),
            rows: self.rows.clone(),
            members: Vec::new(),
        }
    }
}

impl<'a> Lane<'a> {
    /// Keeps this point for cells that follow, or what was evaluated since it was kept.
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

    /// The members by what they ask at a step, in the order of the first of each.
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

/// For each cell, in the order of work, the evaluations on its way at which cells that follow diverge from it,
/// where forks must be kept once it is done. `evaluations` are those of a start's sampling.
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
        // Those after the next diverge from this one where they diverge from the next, or where the next does.
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

/// Cells that share a trajectory so far, by what they ask for on their way.
type Together<'g> = Vec<&'g Guidance<'g>>;

/// The rows that each evaluation asks for, where these cells are denoised together from the beginning.
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

/// Rows that cells of one trajectory ask for at a step: each distinct condition is one.
fn rows_at(together: &Together, step: u32) -> usize {
    let mut conditions: Vec<Condition> = Vec::new();
    for (condition, _) in together.iter().flat_map(|guidance| guidance.at(step)) {
        if !conditions.contains(condition) {
            conditions.push(*condition);
        }
    }
    conditions.len()
}

/// Cells of one trajectory, by what they ask for at a step.
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
