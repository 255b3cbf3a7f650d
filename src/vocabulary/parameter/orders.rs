//! The orders of the parameters: a new one has a place in each.

use super::Parameter;

impl Parameter {
    /// Every parameter, in the order in which axes are named and listed, and values stand in a cell's key.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Model,
        Self::Image,
        Self::Mask,
        Self::Instruction,
        Self::NegativePrompt,
        Self::Preset,
        Self::Scheduler,
        Self::NumInferenceSteps,
        Self::Seed,
        Self::Strength,
        Self::GuidanceStart,
        Self::GuidanceEnd,
        Self::ImageGuidanceScale,
        Self::GuidanceScale,
    ];

    /// The nesting of the cells, slowest parameter first, so that cells that share their first step (same image, scheduler,
    /// step count and seed) are neighbours.
    pub const NESTED: [Self; Self::COUNT] = [
        Self::Model,
        Self::Image,
        Self::Mask,
        Self::Scheduler,
        Self::NumInferenceSteps,
        Self::Strength,
        Self::Seed,
        Self::NegativePrompt,
        Self::Instruction,
        Self::GuidanceStart,
        Self::GuidanceEnd,
        Self::ImageGuidanceScale,
        Self::GuidanceScale,
        Self::Preset,
    ];

    /// The order in which a sheet gives axes columns and then rows if the sweep file does not say. Numbers come first,
    /// because a grid of them shows a trend; the last ones become panels.
    pub const PREFERRED: [Self; Self::COUNT] = [
        Self::GuidanceScale,
        Self::ImageGuidanceScale,
        Self::GuidanceStart,
        Self::GuidanceEnd,
        Self::Strength,
        Self::NumInferenceSteps,
        Self::Scheduler,
        Self::Preset,
        Self::NegativePrompt,
        Self::Seed,
        Self::Model,
        Self::Instruction,
        Self::Mask,
        Self::Image,
    ];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_parameter_has_one_place_in_each_order() {
        for order in [Parameter::ALL, Parameter::NESTED, Parameter::PREFERRED] {
            let placed: BTreeSet<_> = order.into_iter().collect();
            assert_eq!(placed.len(), Parameter::COUNT);
        }
    }
}
