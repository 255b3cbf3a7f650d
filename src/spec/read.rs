//! The way in: a file or its text becomes a [`SweepSpec`].

use std::fs::File;
use std::io::Read;
use std::path::Path;

use toml::de::DeTable;

use super::SweepSpec;
use super::error::{SpecError, SpecProblem};
use super::fault::{Faults, line_and_column};
use super::raw::RawSweep;
use super::valid::validate;
use crate::vocabulary::Parameter;

/// Largest sweep file in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

impl SweepSpec {
    /// Reads a sweep file; matches its patterns and looks for its images and model folders.
    ///
    /// # Errors
    /// Whatever is wrong with the file, its values and the paths in it.
    pub fn read(path: &Path) -> Result<Self, SpecError> {
        let shown = path.display().to_string();
        let fail = |problem, position| SpecError::new(problem, path, position);
        let mut bytes = Vec::new();
        // One byte more than allowed tells a file that is too large, whatever its metadata say.
        let read =
            File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            let reason = error.to_string();
            let problem = SpecProblem::Unreadable {
                path: shown,
                reason,
            };
            return Err(fail(problem, None));
        }
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(fail(SpecProblem::TooLarge { path: shown }, None));
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::parse(text, path),
            Err(error) => {
                let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
                let position = line_and_column(&valid, valid.len());
                Err(fail(SpecProblem::NotUtf8, Some(position)))
            }
        }
    }

    /// Reads a sweep file's text. `path` is what messages call it; its folder is what paths are relative to.
    ///
    /// # Errors
    /// As [`SweepSpec::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, SpecError> {
        let fail = |problem, position| SpecError::new(problem, path, position);
        if text.len() as u64 > MAX_FILE_BYTES {
            let path = path.display().to_string();
            return Err(fail(SpecProblem::TooLarge { path }, None));
        }
        let document = DeTable::parse(text).map_err(|error| {
            let position = error.span().map(|span| line_and_column(text, span.start));
            let message = error.message().to_owned();
            fail(SpecProblem::Syntax { message }, position)
        })?;
        let mut faults = Faults::default();
        let raw = RawSweep::new(document.get_ref(), &mut faults);
        let spec = validate(&raw, text, path, &mut faults);
        match faults.into_error(text, path) {
            Some(error) => Err(error),
            None => Ok(spec),
        }
    }

    /// How many values a parameter has; more than one makes it an axis. Presets may be none.
    pub fn count(&self, parameter: Parameter) -> usize {
        match parameter {
            Parameter::Model => self.models.len(),
            Parameter::Image => self.images.len(),
            Parameter::Instruction => self.instructions.len(),
            Parameter::NegativePrompt => self.negative_prompts.len(),
            Parameter::GuidanceScale => self.guidance_scales.len(),
            Parameter::ImageGuidanceScale => self.image_guidance_scales.len(),
            Parameter::GuidanceStart => self.guidance_starts.len(),
            Parameter::GuidanceEnd => self.guidance_ends.len(),
            Parameter::Seed => self.seeds.len(),
            Parameter::NumInferenceSteps => self.num_inference_steps.len(),
            Parameter::Scheduler => self.schedulers.len(),
            Parameter::Preset => self.presets.len(),
        }
    }

    /// The values of a parameter under `[sweep]` as text; what only presets set is not among them,
    /// nor is a scheduler that is the model's own.
    pub fn swept(&self, parameter: Parameter) -> Vec<String> {
        fn texts<T: ToString>(values: &[T]) -> Vec<String> {
            values.iter().map(ToString::to_string).collect()
        }
        match parameter {
            Parameter::Model => self.models.iter().map(|path| path.name.clone()).collect(),
            Parameter::Image => self.images.iter().map(|path| path.name.clone()).collect(),
            Parameter::Instruction => self.instructions.clone(),
            Parameter::NegativePrompt => self.negative_prompts.clone(),
            Parameter::GuidanceScale => texts(&self.guidance_scales),
            Parameter::ImageGuidanceScale => texts(&self.image_guidance_scales),
            Parameter::GuidanceStart => texts(&self.guidance_starts),
            Parameter::GuidanceEnd => texts(&self.guidance_ends),
            Parameter::Seed => texts(&self.seeds),
            Parameter::NumInferenceSteps => texts(&self.num_inference_steps),
            Parameter::Scheduler => self
                .schedulers
                .iter()
                .flatten()
                .map(ToString::to_string)
                .collect(),
            Parameter::Preset => self
                .presets
                .iter()
                .map(|preset| preset.name.clone())
                .collect(),
        }
    }
}
