//! The cells that differ in guidance alone: which one to take, and what to try instead of one that is remarked on.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::knee::{Similarities, knee};
use super::remark::{Remark, Typical, remark};
use super::remedy::{general, settings};
use crate::plan::Cell;
use crate::store::Run;
use crate::vocabulary::{Measures, Parameter, Scale, Status};

/// What guidance is set by, in the order in which advice names it, which is the README's table's.
pub(super) const GUIDANCE: [Parameter; 4] = [
    Parameter::ImageGuidanceScale,
    Parameter::GuidanceScale,
    Parameter::GuidanceStart,
    Parameter::GuidanceEnd,
];

/// A cell with its measures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured<'a> {
    /// In the plan.
    pub(super) place: usize,
    pub(super) cell: &'a Cell,
    pub(super) change: f64,
    pub(super) measures: Measures,
    /// By CLIP, where the edit has captions.
    pub(super) similarities: Option<Similarities>,
}

impl<'a> Measured<'a> {
    pub(super) fn of(run: &Run, place: usize, cell: &'a Cell) -> Option<Self> {
        let record = run
            .records
            .get(&cell.key)
            .filter(|record| record.status == Status::Done)?;
        let (change, measures) = (record.image_change?, record.measures?);
        let similarities = record.clip.as_ref().and_then(|clip| {
            Some(Similarities {
                image: clip.clip_image_similarity,
                direction: clip.clip_direction_similarity?,
            })
        });
        Some(Self {
            place,
            cell,
            change,
            measures,
            similarities,
        })
    }

    /// The values of [`GUIDANCE`].
    pub(super) fn guidance(&self) -> [Scale; 4] {
        let of = &self.cell.parameters;
        [
            of.image_guidance_scale,
            of.guidance_scale,
            of.guidance_start,
            of.guidance_end,
        ]
    }

    /// Whether the settings let the edit do as much or more: a larger text scale, a smaller image scale,
    /// guidance at more steps.
    fn is_freer_than(&self, other: &Self) -> bool {
        let [image, text, start, end] = self.guidance();
        let [its_image, its_text, its_start, its_end] = other.guidance();
        text >= its_text && image <= its_image && start <= its_start && end >= its_end
    }

    /// Whether only the text scale is smaller.
    fn follows_the_text_less_than(&self, other: &Self) -> bool {
        let [image, text, start, end] = self.guidance();
        let [its_image, its_text, its_start, its_end] = other.guidance();
        text < its_text && (image, start, end) == (its_image, its_start, its_end)
    }
}

/// The cells that differ in guidance alone; never empty.
#[derive(Debug)]
pub(super) struct Panel<'a> {
    pub(super) cells: Vec<(Measured<'a>, Option<Remark>)>,
    /// What is usual for their instruction.
    pub(super) typical: Option<Typical>,
    /// The values of [`GUIDANCE`] among them, each ascending.
    values: [Vec<Scale>; 4],
}

impl<'a> Panel<'a> {
    /// The cells of a panel; `typical` is what their instruction does elsewhere too.
    pub(super) fn new(cells: Vec<Measured<'a>>, typical: Option<Typical>) -> Self {
        let values = std::array::from_fn(|index| {
            let distinct: BTreeSet<Scale> =
                cells.iter().map(|cell| cell.guidance()[index]).collect();
            distinct.into_iter().collect()
        });
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

    /// The cell to take and why: the knee, if CLIP measured all cells against their captions. Pixels alone know
    /// nothing of the instruction, and no cell is the one to take by them.
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

    /// What to try: the nearest cell without a remark in the direction that helps, else what helps in general.
    pub(super) fn remedy(&self, cell: &Measured, remark: Remark) -> String {
        let helps = |other: &&Measured| match remark {
            Remark::HardlyChanged => other.is_freer_than(cell),
            Remark::FarFromInput | Remark::MoreColourful => cell.is_freer_than(other),
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

    /// Steps through the grid from one cell to another, along all its sides.
    fn steps(&self, one: &Measured, other: &Measured) -> (usize, Reverse<usize>) {
        let (from, to) = (one.guidance(), other.guidance());
        let steps: [usize; 4] = std::array::from_fn(|index| {
            let place = |scale: Scale| self.values[index].partition_point(|known| *known < scale);
            place(from[index]).abs_diff(place(to[index]))
        });
        // Of equally near cells the one along the image guidance, which the README names first.
        (steps.iter().sum(), Reverse(steps[0]))
    }
}
