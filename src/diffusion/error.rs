//! What can be wrong with a scheduler's configuration or its use.

use crate::vocabulary::SchedulerKind;

/// Why a scheduler cannot be made. Keys are those of `scheduler_config.json`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum SchedulerError {
    /// The configuration is not a JSON object.
    #[error("scheduler_config.json cannot be read: {message}")]
    #[diagnostic(help("it must be the JSON object that diffusers' `save_pretrained` writes"))]
    Json {
        /// What the parser says, with line and column.
        message: String,
    },
    /// The configuration has no `_class_name`.
    #[error("scheduler_config.json has no `_class_name`")]
    #[diagnostic(help("name a scheduler in the sweep file, e.g. scheduler = \"euler_ancestral\""))]
    NoClass,
    /// `_class_name` is none of the supported classes.
    #[error("scheduler_config.json: the class `{class}` is not supported")]
    #[diagnostic(help("name a scheduler in the sweep file, e.g. scheduler = \"euler_ancestral\""))]
    UnknownClass {
        /// Value of `_class_name`.
        class: String,
    },
    /// A value of the wrong type or out of range.
    #[error("scheduler_config.json: `{key}` must be {expected}, but is {found}")]
    #[diagnostic(help("correct the value, or remove the key to use diffusers' default"))]
    Invalid {
        /// The key.
        key: &'static str,
        /// What would be valid.
        expected: &'static str,
        /// The value as JSON.
        found: String,
    },
    /// A value that diffusers may know, but that is not implemented here or that the scheduler cannot use.
    #[error("scheduler_config.json: the scheduler {scheduler} does not support `{key}` = {value}")]
    #[diagnostic(help("choose another scheduler in the sweep file, or change the value"))]
    Unsupported {
        /// The scheduler.
        scheduler: SchedulerKind,
        /// The key.
        key: &'static str,
        /// The value as JSON.
        value: String,
    },
    /// A number of steps for which the scheduler has no schedule.
    #[error("the scheduler {scheduler} cannot take num_inference_steps = {steps}: {reason}")]
    #[diagnostic(help("change num_inference_steps or the scheduler in the sweep file"))]
    Steps {
        /// The scheduler.
        scheduler: SchedulerKind,
        /// The number asked for.
        steps: u32,
        /// Why not.
        reason: String,
    },
    /// A strength that leaves no step to take.
    #[error("strength {strength} of {steps} steps is less than one step")]
    #[diagnostic(help("raise strength, or num_inference_steps, in the sweep file"))]
    Strength {
        /// The strength.
        strength: String,
        /// The number of steps asked for.
        steps: u32,
    },
}
