//! The names of what a sweep can vary, and one cell's values of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Scale, SchedulerKind};

/// A key of `[sweep]` (or `model`, or the `preset` axis): everything that can differ between cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parameter {
    /// The model folder.
    Model,
    /// The input image.
    Image,
    /// The edit instruction (the prompt).
    Instruction,
    /// The negative prompt.
    NegativePrompt,
    /// How strongly the text is followed.
    GuidanceScale,
    /// How closely the input image is kept.
    ImageGuidanceScale,
    /// From which share of the steps on guidance acts.
    GuidanceStart,
    /// Up to which share of the steps guidance acts.
    GuidanceEnd,
    /// The seed of the noise.
    Seed,
    /// Denoising steps.
    NumInferenceSteps,
    /// The sampler.
    Scheduler,
    /// A named set of linked parameters.
    Preset,
}

impl Parameter {
    /// Every parameter, in the order of the columns of `cells.csv`, which is also the order of nesting in a plan.
    pub const ALL: [Self; 12] = [
        Self::Model,
        Self::Image,
        Self::Instruction,
        Self::NegativePrompt,
        Self::Preset,
        Self::Scheduler,
        Self::NumInferenceSteps,
        Self::Seed,
        Self::GuidanceStart,
        Self::GuidanceEnd,
        Self::ImageGuidanceScale,
        Self::GuidanceScale,
    ];

    /// The key in the sweep file and the column in the CSV.
    pub fn key(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Image => "image",
            Self::Instruction => "instruction",
            Self::NegativePrompt => "negative_prompt",
            Self::GuidanceScale => "guidance_scale",
            Self::ImageGuidanceScale => "image_guidance_scale",
            Self::GuidanceStart => "guidance_start",
            Self::GuidanceEnd => "guidance_end",
            Self::Seed => "seed",
            Self::NumInferenceSteps => "num_inference_steps",
            Self::Scheduler => "scheduler",
            Self::Preset => "preset",
        }
    }

    /// Whether a value that all cells share goes without saying: no negative prompt, no preset, guidance at every step.
    pub fn is_plain(self, value: &str) -> bool {
        match self {
            Self::GuidanceStart => value == Scale::zero().to_string(),
            Self::GuidanceEnd => value == Scale::one().to_string(),
            _ => value.is_empty(),
        }
    }

    /// The parameter of a key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|parameter| parameter.key() == key)
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// The values of one cell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Parameters {
    /// Model folder as written in the sweep file; see [`crate::plan::Plan::models`].
    pub model: String,
    /// Image as matched, relative to the sweep file, with `/`; see [`crate::plan::Plan::images`].
    pub image: String,
    /// The edit instruction.
    pub instruction: String,
    /// The negative prompt, often empty.
    pub negative_prompt: String,
    /// Text guidance.
    pub guidance_scale: Scale,
    /// Image guidance.
    pub image_guidance_scale: Scale,
    /// Guidance acts from this share of the steps on; files of earlier versions have none.
    #[serde(default = "Scale::zero")]
    pub guidance_start: Scale,
    /// Guidance acts up to this share of the steps.
    #[serde(default = "Scale::one")]
    pub guidance_end: Scale,
    /// Seed of the noise.
    pub seed: u64,
    /// Denoising steps.
    pub num_inference_steps: u32,
    /// Sampler.
    pub scheduler: SchedulerKind,
    /// Name of the preset that set some of these, if any.
    pub preset: Option<String>,
}

impl Parameters {
    /// The value of a parameter as text: what labels, CSV and matching use. A missing preset is empty.
    pub fn text(&self, parameter: Parameter) -> String {
        match parameter {
            Parameter::Model => self.model.clone(),
            Parameter::Image => self.image.clone(),
            Parameter::Instruction => self.instruction.clone(),
            Parameter::NegativePrompt => self.negative_prompt.clone(),
            Parameter::GuidanceScale => self.guidance_scale.to_string(),
            Parameter::ImageGuidanceScale => self.image_guidance_scale.to_string(),
            Parameter::GuidanceStart => self.guidance_start.to_string(),
            Parameter::GuidanceEnd => self.guidance_end.to_string(),
            Parameter::Seed => self.seed.to_string(),
            Parameter::NumInferenceSteps => self.num_inference_steps.to_string(),
            Parameter::Scheduler => self.scheduler.to_string(),
            Parameter::Preset => self.preset.clone().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guidance_at_every_step_and_empty_texts_go_without_saying() {
        assert!(Parameter::GuidanceStart.is_plain("0.0"));
        assert!(Parameter::GuidanceEnd.is_plain("1.0"));
        assert!(Parameter::NegativePrompt.is_plain(""));
        assert!(!Parameter::GuidanceStart.is_plain("0.2"));
        assert!(!Parameter::GuidanceEnd.is_plain("0.0"));
        assert!(!Parameter::GuidanceScale.is_plain("1.0"));
    }
}
