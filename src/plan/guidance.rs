//! What the UNet is asked to predict for a cell at each step; guidance may act at only some of the steps.
//!
//! A guidance interval (Kynkäänniemi et al., 2024, "Applying Guidance in a Limited Interval Improves Sample and
//! Distribution Quality in Diffusion Models") is given here in shares of the steps: at step i of n both scales act if
//! `guidance_start` <= i / n < `guidance_end`. Outside the interval only the conditioned branch is evaluated, with
//! coefficient 1.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{Cell, Plan};
use crate::diffusion::{GuidanceMode, steps_of_strength};
use crate::pipeline::{Branch, BranchText, GuidanceScales, Kind};
use crate::vocabulary::{Parameters, Scale};

/// What one UNet row is conditioned on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Condition<'a> {
    /// The instruction or the negative prompt.
    pub text: &'a str,
    /// Whether it sees the channels beside the latents; otherwise it sees zeros.
    pub image: bool,
}

/// The UNet rows of one evaluation, each with its coefficient in the guided prediction.
pub type Conditions<'a> = Vec<(Condition<'a>, f32)>;

/// Consecutive steps of a cell at which the UNet is asked for the same predictions.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase<'a> {
    /// The phase lasts from this step to the next phase, or to the end.
    pub first_step: u32,
    /// The predictions asked for.
    pub conditions: Conditions<'a>,
}

/// The phases of a cell: one, or up to three if it has a guidance interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Guidance<'a> {
    phases: Vec<Phase<'a>>,
}

/// Everything that the guidance of a cell depends on: cells that are the same in it can share their guidance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Guiding<'a> {
    kind: Kind,
    mode: GuidanceMode,
    instruction: &'a str,
    negative_prompt: &'a str,
    guidance_scale: Scale,
    image_guidance_scale: Scale,
    guidance_start: Scale,
    guidance_end: Scale,
    /// Shares refer to the steps actually taken.
    steps: u32,
}

impl<'a> Guiding<'a> {
    /// What the guidance of a cell depends on, given the kind of its stage.
    pub(super) fn of(kind: Kind, parameters: &'a Parameters, mode: GuidanceMode) -> Self {
        // Every field is named, so that a new parameter does not compile until its effect on guidance is decided here.
        let Parameters {
            instruction,
            negative_prompt,
            guidance_scale,
            image_guidance_scale,
            guidance_start,
            guidance_end,
            num_inference_steps,
            strength,
            mask: _,
            model: _,
            image: _,
            seed: _,
            scheduler: _,
            preset: _,
        } = parameters;
        Self {
            kind,
            mode,
            instruction,
            negative_prompt,
            guidance_scale: *guidance_scale,
            image_guidance_scale: *image_guidance_scale,
            guidance_start: *guidance_start,
            guidance_end: *guidance_end,
            steps: match strength {
                Some(strength) => steps_of_strength(*num_inference_steps, strength.to_f64()),
                None => *num_inference_steps,
            },
        }
    }

    /// What the UNet is asked to predict.
    pub(super) fn guidance(self) -> Guidance<'a> {
        let condition = |branch: Branch| Condition {
            text: match branch.text {
                BranchText::Prompt => self.instruction,
                BranchText::Negative => self.negative_prompt,
            },
            image: branch.image,
        };
        let pipeline = self.kind.pipeline();
        let branches = pipeline.branches(GuidanceScales {
            mode: self.mode,
            guidance_scale: self.guidance_scale,
            image_guidance_scale: self.image_guidance_scale,
            same_texts: self.instruction == self.negative_prompt,
        });
        let conditioned = condition(pipeline.conditioned());
        let outside = |first_step| Phase {
            first_step,
            conditions: vec![(conditioned, 1.0)],
        };
        let (start, end) = interval(self.guidance_start, self.guidance_end, self.steps);
        let inside = Phase {
            first_step: start,
            conditions: (branches.into_iter())
                .map(|(branch, coefficient)| (condition(branch), coefficient))
                .collect(),
        };
        let mut phases = Vec::with_capacity(3);
        if start > 0 || end == Some(0) {
            phases.push(outside(0));
        }
        if end.is_none_or(|end| start < end) {
            phases.push(inside);
            phases.extend(end.map(outside));
        }
        phases.dedup_by(|next, phase| next.conditions == phase.conditions);
        Guidance { phases }
    }
}

/// The first step inside the interval, and the first step after it, if any. Some schedulers take one step more than
/// they were asked for; an end of 1 includes it.
fn interval(start: Scale, end: Scale, num_inference_steps: u32) -> (u32, Option<u32>) {
    let steps = Decimal::from(num_inference_steps);
    let step_at = |share: Scale| {
        let step = (share.decimal() * steps).ceil();
        step.to_u32().unwrap_or(num_inference_steps)
    };
    (step_at(start), (end < Scale::one()).then(|| step_at(end)))
}

impl Plan {
    /// What the guidance of a cell depends on.
    pub(super) fn guiding<'a>(&self, cell: &'a Cell) -> Guiding<'a> {
        Guiding::of(self.kind_of(cell), &cell.parameters, self.numerics.guidance)
    }
}

impl<'a> Guidance<'a> {
    /// The phases in the order of the steps; the first begins at step 0.
    pub fn phases(&self) -> &[Phase<'a>] {
        &self.phases
    }

    /// The conditions of all phases, in the order in which they are first needed; some occur several times.
    pub fn conditions(&self) -> impl Iterator<Item = Condition<'a>> {
        let asked = self.phases.iter().flat_map(|phase| &phase.conditions);
        asked.map(|&(condition, _)| condition)
    }

    /// The most rows that any step asks for.
    pub fn most_rows(&self) -> usize {
        let rows = self.phases.iter().map(|phase| phase.conditions.len());
        rows.max().unwrap_or(0)
    }

    /// The predictions asked for at a step.
    pub fn at(&self, step: u32) -> &[(Condition<'a>, f32)] {
        let begun = self.phases.iter().rev();
        begun
            .skip_while(|phase| phase.first_step > step)
            .map(|phase| phase.conditions.as_slice())
            .next()
            .unwrap_or_default()
    }

    /// The first step at which two cells differ; before it, cells with the same start have the same latents.
    pub fn divergence(&self, other: &Guidance<'_>) -> Option<u32> {
        let phases = self.phases.iter().map(|phase| phase.first_step);
        let others = other.phases.iter().map(|phase| phase.first_step);
        phases
            .chain(others)
            .filter(|&step| self.at(step) != other.at(step))
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(start: &str, end: &str) -> Parameters {
        let scale = |text: &str| Scale::new(text.parse().unwrap());
        Parameters {
            instruction: "make it winter".into(),
            guidance_scale: scale("7.5"),
            guidance_start: scale(start),
            guidance_end: scale(end),
            num_inference_steps: 10,
            ..Parameters::default()
        }
    }

    fn guidance(cell: &Parameters) -> Guidance<'_> {
        Guiding::of(Kind::Edit, cell, GuidanceMode::Formula).guidance()
    }

    fn rows(start: &str, end: &str) -> Vec<usize> {
        let cell = cell(start, end);
        let guidance = guidance(&cell);
        (0..10).map(|step| guidance.at(step).len()).collect()
    }

    #[test]
    fn a_step_is_inside_if_its_share_is_from_start_to_before_end() {
        assert_eq!(rows("0.0", "1.0"), [3; 10]);
        assert_eq!(rows("0.2", "0.5"), [1, 1, 3, 3, 3, 1, 1, 1, 1, 1]);
        assert_eq!(rows("0.0", "0.01"), [3, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
        assert_eq!(rows("0.21", "0.31"), [1, 1, 1, 3, 1, 1, 1, 1, 1, 1]);
        assert_eq!(rows("0.21", "0.29"), [1; 10], "no step lies between");
    }

    #[test]
    fn outside_the_conditioned_branch_has_coefficient_one() {
        let cell = cell("0.5", "1.0");
        let guidance = guidance(&cell);
        let conditioned = Condition {
            text: "make it winter",
            image: true,
        };
        assert_eq!(guidance.at(4), [(conditioned, 1.0)]);
        assert_eq!(guidance.at(5)[0], (conditioned, 7.5));
    }

    #[test]
    fn cells_part_at_the_first_step_that_differs() {
        let divergence =
            |one: &Parameters, other: &Parameters| guidance(one).divergence(&guidance(other));
        let (always, early, late) = (cell("0.0", "1.0"), cell("0.0", "0.6"), cell("0.3", "1.0"));
        assert_eq!(divergence(&always, &early), Some(6));
        assert_eq!(divergence(&always, &late), Some(0));
        assert_eq!(divergence(&late, &cell("0.7", "1.0")), Some(3));
        assert_eq!(divergence(&always, &always.clone()), None);
    }
}
