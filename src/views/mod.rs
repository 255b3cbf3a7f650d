//! What can be made from run folders to look at: contact sheets, the report, comparisons and checks.
//!
//! Only run folders and baselines are read; no model is needed. Every view finds or writes itself ([`View`]) and
//! reports its files in the same words, whether a run has just ended, is redrawn, or is checked.

pub mod animation;
pub mod check;
pub mod compare;
mod difference;
mod inline;
mod page;
mod pairs;
pub mod refine;
pub mod report;
pub mod sheet;
mod view;

pub use view::{File, View, ViewFiles};
