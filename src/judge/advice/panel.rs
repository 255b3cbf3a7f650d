//! The cells that differ only in guidance: which one to take, and what to try instead of a cell with a remark.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::knee::{Similarities, knee};
use super::measured::{GUIDANCE, Measured};
use super::remark::{Remark, Typical, remark};
use super::remedy::{general, settings};
use crate::vocabulary::{Departs, Parameter, Value};

/// The cells that differ only in guidance; never empty.
#[derive(Debug)]
pub(super) struct Panel<'a> {
    pub(super) cells: Vec<(Measured<'a>, Option<Remark>)>,
    /// What is typical of their instruction.
    pub(super) typical: Option<Typical>,
    /// For each parameter of [`GUIDANCE`], its values in these cells, ascending.
    values: Vec<Vec<Value>>,
}

impl<'a> Panel<'a> {
    /// Makes a panel; `typical` is computed over all panels of the instruction.
    pub(super) fn new(cells: Vec<Measured<'a>>, typical: Option<Typical>) -> Self {
        let distinct = |(parameter, _): &(Parameter, Departs)| {
            let values = cells.iter();
            let values = values.map(|cell| cell.cell.parameters.value(*parameter));
            values.collect::<BTreeSet<Value>>().into_iter().collect()
        };
        let values = GUIDANCE.iter().map(distinct).collect();
        let judged = cells
            .into_iter()
            .map(|measured| (measured, remark(&measured, typical)))
            .collect();
        Self {
            cells: judged,
            typical,
            values,
        }
    }

    /// The cell to take and why: the knee, if CLIP measured all cells with captions. Pixels alone know nothing of the
    /// instruction, so without CLIP there is none.
    pub(super) fn best(&self) -> Option<(&Measured<'a>, String)> {
        if self.cells.len() < 2 {
            return None;
        }
        let cells = self.cells.iter();
        let similarities: Vec<Similarities> = cells
            .map(|(cell, _)| cell.similarities)
            .collect::<Option<_>>()?;
        let place = knee(&similarities)?;
        let Similarities { image, direction } = similarities[place];
        let reason = format!(
            "the knee between keeping the image and following the instruction (CLIP image similarity {image:.3}, \
             direction similarity {direction:.3})"
        );
        Some((&self.cells[place].0, reason))
    }

    /// What to try: the nearest cell without a remark in the direction that helps, or general help if there is none.
    pub(super) fn remedy(&self, cell: &Measured, remark: Remark) -> String {
        let helps = |other: &&Measured| match remark {
            Remark::HardlyChanged => other.departs_further_than(cell),
            Remark::FarFromInput | Remark::MoreColourful => cell.departs_further_than(other),
            Remark::Paler => other.follows_the_text_less_than(cell),
        };
        let unremarkable = self.cells.iter().filter(|(_, remark)| remark.is_none());
        let nearest = unremarkable
            .map(|(measured, _)| measured)
            .filter(helps)
            .min_by_key(|other| (self.steps(cell, other), other.place));
        match nearest {
            Some(near) => format!("try {}, as in {}", settings(cell, near), near.cell.key),
            None => general(cell, remark),
        }
    }

    /// The number of steps through the grid from one cell to another, summed over its axes.
    fn steps(&self, one: &Measured, other: &Measured) -> (usize, Reverse<usize>) {
        let (from, to) = (one.guidance(), other.guidance());
        let steps = self.values.iter().zip(from.iter().zip(&to));
        let steps = steps.map(|(values, (from, to))| {
            let place = |value: &Value| values.partition_point(|known| known < value);
            place(from).abs_diff(place(to))
        });
        let steps: Vec<usize> = steps.collect();
        // Of equally near cells prefer the one along the image guidance, which the README names first.
        (steps.iter().sum(), Reverse(steps[0]))
    }
}
