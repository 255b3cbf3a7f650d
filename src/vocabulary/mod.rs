//! The terms that all modules share: decimals, parameters, schedulers by name, cells by key, and their records.
//!
//! This module lies below all others and imports none of them.

mod arithmetic;
mod cell_key;
mod device;
mod file_name;
mod median;
mod parameter;
mod record;
mod scale;
mod scheduler;
mod shown_path;
mod word;

pub use arithmetic::Arithmetic;
pub use cell_key::{CellKey, NoCellKey};
pub use device::{DeviceFacts, ExecutionDevice, MemoryCount, UnknownDevice};
pub use file_name::is_file_name;
pub use median::median;
#[cfg(test)]
pub(crate) use parameter::tests::two_values;
pub use parameter::{
    Abbreviation, ByParameter, Definition, Departs, Domain, MAX_STEPS, Parameter, Parameters,
    Place, Trait, Unset, Value,
};
pub use record::{
    ClipMeasures, EditCaptions, ImageFile, LatentStatistics, MaskedMeasures, Measures, Race,
    Record, StageTimes, Status, StepRecord,
};
pub use scale::Scale;
pub use scheduler::SchedulerKind;
pub use shown_path::{shown_mask, shown_path, shown_value};
pub use word::Word;

pub use crate::digest::{NoSha256Sum, Sha256Sum};
