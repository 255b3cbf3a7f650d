//! What a diffusers class assumes where a configuration is silent. Each sampler's file has its own.

use crate::vocabulary::SchedulerKind;

/// Whether Runge-Kutta steps are left out.
pub(super) const SKIP_PRK_STEPS: &str = "skip_prk_steps";

/// The class of a scheduler.
#[derive(Debug, Clone, Copy)]
pub(super) struct Class {
    /// The scheduler that errors name.
    pub kind: SchedulerKind,
    /// `_class_name`.
    pub name: &'static str,
    /// Default of `beta_start`.
    pub beta_start: f64,
    /// Default of `beta_end`.
    pub beta_end: f64,
    /// Default of `beta_schedule`.
    pub beta_schedule: &'static str,
    /// What `rescale_betas_zero_snr` does.
    pub zero_snr: ZeroSnr,
    /// Default of `clip_sample`; `None` where the class has no such option.
    pub clip_sample: Option<bool>,
    /// Default of [`SKIP_PRK_STEPS`]; `None` where the class has no such option.
    pub skip_prk_steps: Option<bool>,
}

/// What a class makes of `rescale_betas_zero_snr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ZeroSnr {
    /// It does not know the option, and ignores it.
    Ignored,
    /// The last cumulative alpha is 0.
    Exact,
    /// The last cumulative alpha is a little above 0, so that its sigma is finite.
    Finite,
}

impl Class {
    /// The commonest assumptions.
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
