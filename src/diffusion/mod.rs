//! The mathematics of sampling: noise, sigmas, schedulers and guidance. Arrays in, arrays out.

mod kind;
mod noise;

pub use kind::SchedulerKind;
pub use noise::Generator;
