//! A plan cut into parts of equal cost, for machines that work side by side.
//!
//! The cells are taken in an order of work ([`Order`]) and cut where their cost reaches each mark: each part loads few
//! models, and texts, images and first steps that cells share stay together. Dealing cells out one by one, or the dearest
//! to the idlest, would load every model and encode every image everywhere.
//!
//! A chain is cut between its first images, and all that is made of one lies in one part. Where there are too few of them
//! it is cut between the images of a later stage, and parts compute what they share again.
//!
//! The cut follows from the plan alone, never from what is done already or how long it took: every machine makes the
//! same one, today and when a part is run again.

mod order;

use std::num::NonZeroUsize;

use self::order::{Inputs, Order, Work, Works};
use super::Plan;

/// A cut falls on a group's border where that is within this part of a share of the mark: 1/20, so that no part is
/// longer than 1.1 shares for its sake.
const TOLERANCE: u128 = 20;

/// A plan in parts.
#[derive(Debug)]
pub struct Cut {
    works: Vec<Work>,
    /// Where the parts begin, as indices into the works, and where the last one ends.
    borders: Vec<usize>,
    /// What each part costs, with what of a chain it computes beside its own cells.
    costs: Vec<u64>,
}

impl Cut {
    /// Cuts a plan into so many parts; some are empty if there are more of them than cells.
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

    /// The cells of a part, numbered from 0, as indices into [`Plan::cells`], in order; cells with the same pixels lie
    /// in one part.
    pub fn cells(&self, part: usize) -> Vec<usize> {
        let works = self.works[self.borders[part]..self.borders[part + 1]].iter();
        let cells = works.flat_map(|work| std::iter::once(work.cell).chain(work.copies.clone()));
        let mut cells: Vec<usize> = cells.collect();
        cells.sort_unstable();
        cells
    }

    /// The cost of a part over the mean of all parts. The first steps that its first cell computes again, because the
    /// cell that it shares them with lies in another part, are not in it.
    pub fn load(&self, part: usize) -> f64 {
        let all: u64 = self.costs.iter().sum();
        let mean = all as f64 / self.costs.len() as f64;
        match mean > 0.0 {
            true => self.costs[part] as f64 / mean,
            false => 0.0,
        }
    }
}

/// A way to cut.
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

    /// Whether no part takes more than a tenth above the mean.
    fn is_even(&self) -> bool {
        let all: u128 = self.costs.iter().map(|&cost| u128::from(cost)).sum();
        u128::from(self.most()) * self.costs.len() as u128 * 10 <= all * 11
    }
}

impl Order<'_> {
    /// Where so many parts begin, and where the last one ends.
    fn borders(&self, parts: NonZeroUsize) -> Vec<usize> {
        let marks = Marks { order: self, parts };
        let inner = (1..parts.get()).map(|part| marks.border(part));
        let borders = std::iter::once(0).chain(inner).chain([self.len()]);
        borders.collect()
    }
}

/// Where cuts may fall.
struct Marks<'a> {
    order: &'a Order<'a>,
    parts: NonZeroUsize,
}

impl Marks<'_> {
    /// Where a part begins: at the border of a group near its mark, else at the border of the cell nearest to it, which in
    /// a chain is the first image of others.
    fn border(&self, part: usize) -> usize {
        let group = self.nearest(part, &self.order.groups);
        match self.distance(part, group) * TOLERANCE <= u128::from(self.order.cost()) {
            true => group,
            false => self.nearest(part, &self.order.units),
        }
    }

    /// Of rising borders, the one nearest to a part's mark; of two, the first.
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

    /// A border's cost and a part's mark, times the number of parts: whole numbers, equal on every machine.
    fn at_and_mark(&self, part: usize, border: usize) -> (u128, u128) {
        (
            u128::from(self.order.cost_before(border)) * self.parts.get() as u128,
            u128::from(self.order.cost()) * part as u128,
        )
    }
}
