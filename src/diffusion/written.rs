//! Which scheduler wrote a configuration, and what a pipeline makes of it before it is used.

use serde_json::Value;

use super::class::{Class, SKIP_PRK_STEPS};
use super::sampler::class_of;
use super::{SchedulerConfig, SchedulerError};
use crate::vocabulary::SchedulerKind;

/// The diffusers pipelines, told apart by how their constructors change the configuration of the scheduler they are
/// given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constructor {
    /// `StableDiffusionInstructPix2PixPipeline`: changes nothing.
    InstructPix2Pix,
    /// `StableDiffusionPipeline` and `StableDiffusionImg2ImgPipeline`: `steps_offset` 1, no clipping.
    TextOrImageToImage,
    /// `StableDiffusionInpaintPipeline`: `steps_offset` 1, no Runge-Kutta steps.
    Inpaint,
}

impl SchedulerConfig {
    /// The scheduler that wrote the file, from its `_class_name` and, where several schedulers share a class, its
    /// options.
    ///
    /// # Errors
    /// If there is no `_class_name`, or it is none of the supported classes.
    pub fn kind(&self) -> Result<SchedulerKind, SchedulerError> {
        let class = match self.options.get("_class_name") {
            None => return Err(SchedulerError::NoClass),
            Some(Value::String(class)) => class.as_str(),
            Some(other) => return Err(unknown_class(&other.to_string())),
        };
        match self.class() {
            None => Err(unknown_class(class)),
            Some(class) if class.kind == SchedulerKind::Dpmpp2m => self.dpm_solver_kind(),
            Some(class) => Ok(class.kind),
        }
    }

    /// The class that wrote the file, if it is supported; where several schedulers share the class, the first of them.
    fn class(&self) -> Option<&'static Class> {
        let name = self.options.get("_class_name")?.as_str()?;
        let mut classes = SchedulerKind::ALL.into_iter().map(class_of);
        classes.find(|class| class.name == name)
    }

    /// The scheduler that a `DPMSolverMultistepScheduler` is; its algorithms and orders other than DPM-Solver++(2M) are
    /// errors.
    fn dpm_solver_kind(&self) -> Result<SchedulerKind, SchedulerError> {
        let kind = if self.flag("use_karras_sigmas", false)? {
            SchedulerKind::Dpmpp2mKarras
        } else {
            SchedulerKind::Dpmpp2m
        };
        // diffusers treats deis as dpmsolver++.
        if !["dpmsolver++", "deis"].contains(&self.text("algorithm_type", "dpmsolver++")?) {
            return Err(self.unsupported(kind, "algorithm_type"));
        }
        if self.integer("solver_order", 2)? != 2 {
            return Err(self.unsupported(kind, "solver_order"));
        }
        Ok(kind)
    }

    /// The configuration of a pipeline's scheduler after the pipeline's constructor has rewritten it: `steps_offset`
    /// becomes 1, `clip_sample` false or `skip_prk_steps` true, wherever the value (or the default of the class that
    /// wrote the file) differs. Schedulers named in a sweep are derived from this configuration.
    pub fn rewritten_by(&self, constructor: Constructor) -> Self {
        let mut rewritten = self.clone();
        let mut set = |key: &str, value: Value| rewritten.options.insert(key.to_owned(), value);
        let class = self.class();
        let is = |key: &str, default: Option<bool>, value: bool| match self.options.get(key) {
            None => default == Some(value),
            Some(found) => found == &Value::Bool(value),
        };
        match constructor {
            Constructor::InstructPix2Pix => return rewritten,
            Constructor::TextOrImageToImage => {
                if is(
                    "clip_sample",
                    class.and_then(|class| class.clip_sample),
                    true,
                ) {
                    set("clip_sample", Value::Bool(false));
                }
            }
            Constructor::Inpaint => {
                if is(
                    SKIP_PRK_STEPS,
                    class.and_then(|class| class.skip_prk_steps),
                    false,
                ) {
                    set(SKIP_PRK_STEPS, Value::Bool(true));
                }
            }
        }
        // Every class has the option; its default is 0.
        set("steps_offset", Value::from(1));
        rewritten
    }
}

fn unknown_class(class: &str) -> SchedulerError {
    SchedulerError::UnknownClass {
        class: class.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_and_its_options_give_the_kind() {
        let kind = |json: &str| SchedulerConfig::parse(json)?.kind();
        let class = r#""_class_name": "DPMSolverMultistepScheduler""#;
        assert_eq!(
            kind(r#"{"_class_name": "LCMScheduler"}"#),
            Ok(SchedulerKind::Lcm)
        );
        assert_eq!(kind(&format!("{{{class}}}")), Ok(SchedulerKind::Dpmpp2m));
        assert_eq!(
            kind(&format!(r#"{{{class}, "use_karras_sigmas": true}}"#)),
            Ok(SchedulerKind::Dpmpp2mKarras)
        );
        assert_eq!(
            kind(&format!(r#"{{{class}, "solver_order": 3}}"#)).map_err(|e| e.to_string()),
            Err(
                "scheduler_config.json: the scheduler dpmpp_2m does not support `solver_order` = 3"
                    .into()
            )
        );
        assert_eq!(kind("{}"), Err(SchedulerError::NoClass));
        assert!(matches!(
            kind(r#"{"_class_name": "DEISMultistepScheduler"}"#),
            Err(SchedulerError::UnknownClass { .. })
        ));
    }
}
