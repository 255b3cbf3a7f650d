//! What a diffusers scheduler class assumes where its configuration is silent. Each sampler's file holds its own
//! values.

use crate::vocabulary::SchedulerKind;

/// The option that leaves out PNDM's Runge-Kutta steps.
pub(super) const SKIP_PRK_STEPS: &str = "skip_prk_steps";

/// Defaults and quirks of one scheduler class of diffusers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Class {
    /// The scheduler, as error messages name it.
    pub kind: SchedulerKind,
    /// The class's name in diffusers: `_class_name` of its configurations.
    pub name: &'static str,
    /// Default of `beta_start`.
    pub beta_start: f64,
    /// Default of `beta_end`.
    pub beta_end: f64,
    /// Default of `beta_schedule`.
    pub beta_schedule: &'static str,
    /// How the class treats `rescale_betas_zero_snr`.
    pub zero_snr: ZeroSnr,
    /// Default of `clip_sample`; `None` where the class has no such option.
    pub clip_sample: Option<bool>,
    /// Default of [`SKIP_PRK_STEPS`]; `None` where the class has no such option.
    pub skip_prk_steps: Option<bool>,
}

/// How a class treats `rescale_betas_zero_snr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ZeroSnr {
    /// The class does not know the option and ignores it.
    Ignored,
    /// The last cumulative alpha is 0.
    Exact,
    /// The last cumulative alpha is a little above 0, so that its sigma is finite.
    Finite,
}

impl Class {
    /// A class with the most common defaults.
    pub const fn new(kind: SchedulerKind, name: &'static str) -> Self {
        Self {
            kind,
            name,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: "linear",
            zero_snr: ZeroSnr::Finite,
            clip_sample: None,
            skip_prk_steps: None,
        }
    }
}
