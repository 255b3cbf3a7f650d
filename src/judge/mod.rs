//! Judging finished images: how much two of them differ, how far an edit went from its input and what to try instead,
//! and whether a run still gives the images that were accepted.
//!
//! A [`Baseline`] keeps what [`Acceptance`] took from runs; a [`Check`] gives every cell of a run its [`Verdict`]. Both
//! deal only in numbers, which [`crate::views::check`] shows. Everything is derived from run folders and baselines; no
//! model is needed.

mod accept;
pub mod advice;
mod baseline;
mod causes;
mod check;
mod class;
pub mod clip;
pub mod difference;
mod error;
mod follows;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod identity;
mod judged;
mod label;
mod limits;
mod manifest;
pub mod measures;
mod verdict;

pub use accept::{Acceptance, Change, ChangeKind, Choice};
pub use baseline::{Baseline, HeldBaseline, default_folder};
pub use check::{Check, Conclusion};
pub use class::EnvironmentClass;
pub use error::JudgeError;
pub use judged::Judged;
pub use limits::{Excess, Limits, latent_change};
pub use manifest::{Accepted, BaselineCell, FORMAT, MANIFEST, Manifest, Subject};
pub use verdict::{Cause, CellCheck, Verdict};
