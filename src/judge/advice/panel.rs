//! The cells that differ in guidance alone: which one to take, and where a faulty one should go.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::fault::{Fault, Usual};
use super::remedy::{general, settings};
use crate::plan::Cell;
use crate::store::Run;
use crate::vocabulary::median;
use crate::vocabulary::{Measures, Parameter, Scale, Status};

/// Share of a panel's usual change from which on more change makes no cell better. What is usual is the
/// instruction's own affair: winter changes levels by a third, a house that becomes a castle by a twentieth.
const CLEAR_SHARE: f64 = 0.8;

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
}

impl<'a> Measured<'a> {
    pub(super) fn of(run: &Run, place: usize, cell: &'a Cell) -> Option<Self> {
        let record = run
            .records
            .get(&cell.key)
            .filter(|record| record.status == Status::Done)?;
        let (change, measures) = (record.image_change?, record.measures?);
        Some(Self {
            place,
            cell,
            change,
            measures,
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
    pub(super) cells: Vec<(Measured<'a>, Option<Fault>)>,
    /// The values of [`GUIDANCE`] among them, each ascending.
    values: [Vec<Scale>; 4],
}

impl<'a> Panel<'a> {
    pub(super) fn new(cells: Vec<Measured<'a>>) -> Self {
        let usual = Usual::of(&cells);
        let values = std::array::from_fn(|index| {
            let distinct: BTreeSet<Scale> =
                cells.iter().map(|cell| cell.guidance()[index]).collect();
            distinct.into_iter().collect()
        });
        let judged = cells
            .into_iter()
            .map(|measured| (measured, usual.fault(&measured)))
            .collect();
        Self {
            cells: judged,
            values,
        }
    }

    fn faultless(&self) -> impl Iterator<Item = &Measured<'a>> {
        self.cells
            .iter()
            .filter(|(_, fault)| fault.is_none())
            .map(|(measured, _)| measured)
    }

    /// The change from which on an edit shows clearly, for this instruction; never more than that of all cells
    /// without fault.
    fn clear_change(&self) -> f64 {
        let usual = median(self.faultless().map(|cell| cell.change)).unwrap_or_default();
        CLEAR_SHARE * usual
    }

    /// The cell to take and why, if there is a choice and one without fault: of the clear edits the one that
    /// keeps most of the input's structure, of equals the first.
    pub(super) fn best(&self) -> Option<(&Measured<'a>, String)> {
        if self.cells.len() < 2 {
            return None;
        }
        let clear = self.clear_change();
        let best = self
            .faultless()
            .filter(|cell| cell.change >= clear)
            .max_by(|one, other| {
                let kept = |cell: &Measured| cell.measures.ssim;
                kept(one)
                    .total_cmp(&kept(other))
                    .then(other.place.cmp(&one.place))
            })?;
        let reason = format!(
            "of the cells that clearly change the image it keeps most of the input's structure \
             (mean change {:.1} %, SSIM {:.2})",
            100.0 * best.change,
            best.measures.ssim
        );
        Some((best, reason))
    }

    /// What to try: the nearest cell without fault in the direction that helps, else what helps in general.
    pub(super) fn remedy(&self, cell: &Measured, fault: Fault) -> String {
        let helps = |other: &&Measured| match fault {
            Fault::BarelyChanged => other.is_freer_than(cell),
            Fault::Destroyed | Fault::Oversaturated => cell.is_freer_than(other),
            Fault::WashedOut => other.follows_the_text_less_than(cell),
        };
        let nearest = self
            .faultless()
            .filter(helps)
            .min_by_key(|other| (self.steps(cell, other), other.place));
        match nearest {
            Some(near) => format!("try {}, as in {}", settings(cell, near), near.cell.key),
            None => general(cell, fault),
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
