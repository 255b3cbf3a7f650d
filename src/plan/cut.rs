//! Cuts a plan into parts of equal cost for machines that work side by side.
//!
//! The cells are put into an order of work ([`Order`]) and cut where their summed cost reaches each part's mark. Each
//! part then loads few models, and cells that share texts, images and first steps stay together. Dealing cells out one
//! by one, or the most expensive to the least busy part, would load every model and encode every image everywhere.
//!
//! A chain is cut between its first images, and everything made from one of them is in one part. If there are too few
//! of them, it is cut between the images of a later stage, and several parts compute the earlier images they share.
//!
//! The cut depends only on the plan, never on what is already done or how long it took: every machine makes the same
//! cut, now and when a part is run again.

mod order;

use std::num::NonZeroUsize;

use self::order::{Inputs, Order, Work, Works};
use super::Plan;

/// A cut is moved to a group's border if that is within this fraction of a part's share from the mark: with 1/20 no
/// part grows beyond 1.1 shares.
const TOLERANCE: u128 = 20;

/// A plan cut into parts.
#[derive(Debug)]
pub struct Cut {
    works: Vec<Work>,
    /// Where each part begins, as an index into the works, and where the last one ends.
    borders: Vec<usize>,
    /// The cost of each part, including what it computes of a chain besides its own cells.
    costs: Vec<u64>,
}

impl Cut {
    /// Cuts a plan into `parts` parts; some are empty if there are more parts than cells.
    pub fn new(plan: &Plan, parts: NonZeroUsize) -> Self {
        let works = Works::of(plan);
        let mut best = Candidate::new(works.between_images_of(0, Inputs::Once), parts);
        for stage in 1..plan.stages.len() {
            if best.is_even() {
                break;
            }
            for inputs in [Inputs::Once, Inputs::OfEach] {
                let other = Candidate::new(works.between_images_of(stage, inputs), parts);
                if other.most() < best.most() {
                    best = other;
                }
            }
        }
        Self {
            works: best.order.into_works(),
            borders: best.borders,
            costs: best.costs,
        }
    }

    /// The cells of part `part`, counted from 0, as indices into [`Plan::cells`], in order. Cells with the same pixels
    /// are in the same part.
    pub fn cells(&self, part: usize) -> Vec<usize> {
        let works = self.works[self.borders[part]..self.borders[part + 1]].iter();
        let cells = works.flat_map(|work| std::iter::once(work.cell).chain(work.copies.clone()));
        let mut cells: Vec<usize> = cells.collect();
        cells.sort_unstable();
        cells
    }

    /// The cost of a part divided by the mean of all parts. Not counted are first steps that a part computes again
    /// because the cell it would share them with is in another part.
    pub fn load(&self, part: usize) -> f64 {
        let all: u64 = self.costs.iter().sum();
        let mean = all as f64 / self.costs.len() as f64;
        match mean > 0.0 {
            true => self.costs[part] as f64 / mean,
            false => 0.0,
        }
    }
}

/// One way to cut a plan.
struct Candidate<'a> {
    order: Order<'a>,
    borders: Vec<usize>,
    costs: Vec<u64>,
}

impl<'a> Candidate<'a> {
    fn new(order: Order<'a>, parts: NonZeroUsize) -> Self {
        let borders = order.borders(parts);
        let costs = order.costs_of(&borders);
        Self {
            order,
            borders,
            costs,
        }
    }

    fn most(&self) -> u64 {
        self.costs.iter().max().copied().unwrap_or(0)
    }

    /// Whether no part costs more than a tenth above the mean.
    fn is_even(&self) -> bool {
        let all: u128 = self.costs.iter().map(|&cost| u128::from(cost)).sum();
        u128::from(self.most()) * self.costs.len() as u128 * 10 <= all * 11
    }
}

impl Order<'_> {
    /// Where each of the parts begins, and where the last one ends.
    fn borders(&self, parts: NonZeroUsize) -> Vec<usize> {
        let marks = Marks { order: self, parts };
        let inner = (1..parts.get()).map(|part| marks.border(part));
        let borders = std::iter::once(0).chain(inner).chain([self.len()]);
        borders.collect()
    }
}

/// Chooses where the cuts fall.
struct Marks<'a> {
    order: &'a Order<'a>,
    parts: NonZeroUsize,
}

impl Marks<'_> {
    /// Where a part begins: at a group's border if one is near the part's mark, otherwise at the nearest border of a
    /// unit (a cell or, in a chain, an image from which others are made).
    fn border(&self, part: usize) -> usize {
        let group = self.nearest(part, &self.order.groups);
        match self.distance(part, group) * TOLERANCE <= u128::from(self.order.cost()) {
            true => group,
            false => self.nearest(part, &self.order.units),
        }
    }

    /// Of ascending borders, the one nearest to a part's mark; of two equally near, the first.
    fn nearest(&self, part: usize, borders: &[usize]) -> usize {
        let place = borders.partition_point(|&border| self.is_before(part, border));
        let place = place.min(borders.len() - 1);
        let [before, after] = [place.saturating_sub(1), place].map(|place| borders[place]);
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

    /// A border's cost and a part's mark, both times the number of parts, so that they are whole numbers and equal on
    /// every machine.
    fn at_and_mark(&self, part: usize, border: usize) -> (u128, u128) {
        (
            u128::from(self.order.cost_before(border)) * self.parts.get() as u128,
            u128::from(self.order.cost()) * part as u128,
        )
    }
}
