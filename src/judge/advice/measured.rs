//! A cell with its measures, beside others that differ from it in guidance.

use std::sync::LazyLock;

use super::knee::Similarities;
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
    pub(super) fn departs_further_than(&self, other: &Self) -> bool {
        let (own, others) = (self.guidance(), other.guidance());
        let mut pairs = GUIDANCE.iter().zip(own.iter().zip(&others));
        pairs.all(|((_, departs), (own, other))| match departs {
            Departs::WithLarger => own >= other,
            Departs::WithSmaller => own <= other,
        })
    }

    /// Whether it differs only in a smaller text scale.
    pub(super) fn follows_the_text_less_than(&self, other: &Self) -> bool {
        let (own, others) = (&self.cell.parameters, &other.cell.parameters);
        let mut rest = GUIDANCE.iter().map(|(parameter, _)| *parameter);
        own.guidance_scale < others.guidance_scale
            && rest.all(|parameter| {
                parameter == Parameter::GuidanceScale
                    || own.value(parameter) == others.value(parameter)
            })
    }
}
