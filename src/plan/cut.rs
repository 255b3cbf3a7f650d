//! A plan cut into parts of equal cost, for machines that work side by side.
//!
//! The cells are taken in the order of work ([`Schedule`]) and cut where their cost reaches each mark: each part loads
//! few models, and texts, images and first steps that cells share stay together. Dealing cells out one by one, or the
//! dearest to the idlest, would load every model and encode every image everywhere.
//!
//! The cut follows from the plan alone, never from what is done already or how long it took: every machine makes the
//! same one, today and when a part is run again.

use std::num::NonZeroUsize;

use super::schedule::{CellWork, Group, Sampling, Schedule};
use super::{Plan, Start};
use crate::vocabulary::SchedulerKind;

/// Decoding an image costs about as much as this many UNet rows of its size: of Stable Diffusion 1.5 some 2.5 TFLOP
/// against 0.8.
const DECODING_ROWS: u64 = 3;

/// A cut falls on a group's border where that is within this part of a share of the mark: 1/20, so that no part is
/// longer than 1.1 shares for its sake.
const TOLERANCE: u128 = 20;

/// A plan in parts.
#[derive(Debug)]
pub struct Cut {
    /// In the order of work.
    works: Vec<Work>,
    /// Cost of the works before each, and of all.
    costs: Vec<u64>,
    /// Where the parts begin, as indices into the works, and where the last one ends.
    borders: Vec<usize>,
}

impl Cut {
    /// Cuts a plan into so many parts; some are empty if there are more of them than cells.
    pub fn new(plan: &Plan, parts: NonZeroUsize) -> Self {
        let all: Vec<usize> = (0..plan.cells.len()).collect();
        let mut works = Vec::with_capacity(all.len());
        let mut costs = vec![0];
        let mut groups = vec![0];
        let mut cost = 0;
        for model in Schedule::new(plan, &all).models {
            for group in model.groups {
                group.each_cell(&steps(group.start), |_, rows| {
                    cost += (rows.fresh + DECODING_ROWS) * pixels(&group);
                    costs.push(cost);
                });
                let cells = group.cells.into_iter();
                works.extend(cells.map(|CellWork { cell, copies, .. }| Work { cell, copies }));
                groups.push(works.len());
            }
        }
        let marks = Marks {
            costs: &costs,
            groups: &groups,
            parts,
        };
        let inner = (1..parts.get()).map(|part| marks.border(part));
        let borders = std::iter::once(0).chain(inner).chain([works.len()]);
        Self {
            borders: borders.collect(),
            works,
            costs,
        }
    }

    /// The cells of a part, numbered from 0, as indices into [`Plan::cells`], in order; cells with the same pixels lie
    /// in one part.
    pub fn cells(&self, part: usize) -> Vec<usize> {
        let works = self.works[self.borders[part]..self.borders[part + 1]].iter();
        let cells = works.flat_map(|work| std::iter::once(work.cell).chain(work.copies.clone()));
        let mut cells: Vec<usize> = cells.collect();
        cells.sort_unstable();
        cells
    }

    /// The cost of a part over the mean of all parts. What the first cell of a part computes again, because the cell
    /// that it shares it with lies in another part, is not in it.
    pub fn load(&self, part: usize) -> f64 {
        let [begin, end] = [part, part + 1].map(|border| self.costs[self.borders[border]]);
        let parts = self.borders.len() - 1;
        let mean = self.costs.last().map_or(0.0, |&all| all as f64) / parts as f64;
        match mean > 0.0 {
            true => (end - begin) as f64 / mean,
            false => 0.0,
        }
    }
}

/// A cell to compute, and those with the same pixels, as indices into [`Plan::cells`].
#[derive(Debug)]
struct Work {
    cell: usize,
    copies: Vec<usize>,
}

/// Where cuts may fall.
struct Marks<'a> {
    costs: &'a [u64],
    /// Borders of groups, as indices into the costs, rising.
    groups: &'a [usize],
    parts: NonZeroUsize,
}

impl Marks<'_> {
    /// Where a part begins: at the border of a group near its mark, else at the border of the cell nearest to it.
    fn border(&self, part: usize) -> usize {
        let group = self.nearest(part, self.groups.len(), |place| self.groups[place]);
        let all = u128::from(self.costs.last().copied().unwrap_or(0));
        if self.distance(part, group) * TOLERANCE <= all {
            group
        } else {
            self.nearest(part, self.costs.len(), |place| place)
        }
    }

    /// Of rising borders, the one nearest to a part's mark; of two, the first.
    fn nearest(&self, part: usize, borders: usize, border: impl Fn(usize) -> usize) -> usize {
        let (mut low, mut high) = (0, borders);
        while low < high {
            let middle = low.midpoint(high);
            match self.is_before(part, border(middle)) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        let after = border(low.min(borders - 1));
        let before = border(low.saturating_sub(1));
        match self.distance(part, before) <= self.distance(part, after) {
            true => before,
            false => after,
        }
    }

    fn is_before(&self, part: usize, border: usize) -> bool {
        let (at, mark) = self.at_and_mark(part, border);
        at < mark
    }

    fn distance(&self, part: usize, border: usize) -> u128 {
        let (at, mark) = self.at_and_mark(part, border);
        at.abs_diff(mark)
    }

    /// A border's cost and a part's mark, times the number of parts: whole numbers, equal on every machine.
    fn at_and_mark(&self, part: usize, border: usize) -> (u128, u128) {
        let all = self.costs.last().copied().unwrap_or(0);
        (
            u128::from(self.costs[border]) * self.parts.get() as u128,
            u128::from(all) * part as u128,
        )
    }
}

/// The step of each evaluation, as far as the plan tells: the model's configuration may ask for one more.
fn steps(start: Start) -> Vec<u32> {
    let Sampling {
        scheduler,
        num_inference_steps,
        ..
    } = start.sampling;
    // Heun's method asks twice a step.
    let calls = if scheduler == SchedulerKind::Heun {
        2
    } else {
        1
    };
    let steps = 0..num_inference_steps;
    steps.flat_map(|step| vec![step; calls]).collect()
}

fn pixels(group: &Group) -> u64 {
    let Sampling { width, height, .. } = group.start.sampling;
    u64::from(width) * u64::from(height)
}
