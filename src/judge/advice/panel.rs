//! The cells that differ only in guidance: which one to take, and what to try instead of a cell with a remark.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::knee::{Similarities, knee};
use super::remark::{Remark, Typical, remark};
use super::remedy::{general, settings};
use crate::plan::Cell;
use crate::store::Run;
use crate::vocabulary::{Departs, Measures, Parameter, Status, Value};

/// The parameters that set guidance, in the order in which advice and the README name them: the image's scale first.
pub(super) static GUIDANCE: LazyLock<Vec<(Parameter, Departs)>> = LazyLock::new(|| {
    let defined = Parameter::DEFINED.into_iter();
    let set_by = defined.filter_map(|parameter| Some((parameter, parameter.definition().departs?)));
    let mut set_by: Vec<_> = set_by.collect();
    set_by.sort_by_key(|(parameter, _)| *parameter != Parameter::ImageGuidanceScale);
    set_by
});

/// A cell with its measures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured<'a> {
    /// Its index in the plan.
    pub(super) place: usize,
    pub(super) cell: &'a Cell,
    pub(super) change: f64,
    pub(super) measures: Measures,
    /// CLIP's similarities, if the edit has captions.
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
    pub(super) fn guidance(&self) -> Vec<Value> {
        let set_by = GUIDANCE.iter();
        set_by
            .map(|(parameter, _)| self.cell.parameters.value(*parameter))
            .collect()
    }

    /// Whether its settings let the edit do as much as the other's, and more in at least one respect.
    fn departs_further_than(&self, other: &Self) -> bool {
        let (own, others) = (self.guidance(), other.guidance());
        let mut pairs = GUIDANCE.iter().zip(own.iter().zip(&others));
        pairs.all(|((_, departs), (own, other))| match departs {
            Departs::WithLarger => own >= other,
            Departs::WithSmaller => own <= other,
        })
    }

    /// Whether it differs only in a smaller text scale.
    fn follows_the_text_less_than(&self, other: &Self) -> bool {
        let (own, others) = (&self.cell.parameters, &other.cell.parameters);
        let mut rest = GUIDANCE.iter().map(|(parameter, _)| *parameter);
        own.guidance_scale < others.guidance_scale
            && rest.all(|parameter| {
                parameter == Parameter::GuidanceScale
                    || own.value(parameter) == others.value(parameter)
            })
    }
}

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
