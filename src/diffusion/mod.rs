//! The mathematics of sampling: noise, sigmas, schedulers and guidance. Arrays in, arrays out.

mod kind;

pub use kind::SchedulerKind;
