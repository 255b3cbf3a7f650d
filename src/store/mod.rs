//! The run folder: journal, atomic files, lock, PNG metadata and CSVs.

mod record;

pub use record::{Record, StageTimes, Status, StepRecord};
