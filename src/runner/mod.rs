//! Connects the layers: prepares a sweep file, then executes it into a run folder.

mod array;
mod backend;
mod chain;
mod clip;
mod compute;
mod durations;
mod error;
mod event;
mod execute;
mod forecast;
mod inputs;
mod masks;
mod memory;
mod merge;
mod parts;
mod peaks;
mod place;
mod prepare;
mod timings;

pub use array::{ArrayError, ShardChoice};
pub use backend::Backend;
pub use clip::Clip;
pub use durations::{Expected, learn_views};
pub use error::RunnerError;
pub use event::Event;
pub use execute::{Executed, Execution, Outcome, Workload};
pub use forecast::{Forecast, Measuring, Needs, forecast};
pub(crate) use memory::{check_limit, component_sizes, limit_bytes};
pub use merge::{MergeError, Merged, merge};
pub use parts::{PartForecast, PartWork, part_forecasts};
pub use peaks::Peak;
pub use place::Place;
pub use prepare::{Model, Prepared, prepare, prepare_with};
