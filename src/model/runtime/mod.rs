//! ONNX Runtime itself: where it is, fetching it, loading it, and which device it can use.

mod arena;
mod cuda;
mod device;
mod error;
mod host;
mod load;
mod locate;
mod pins;
mod pip;
mod setup;
mod sums;
mod wheel;

pub use arena::ArenaStatistics;
pub use device::{ExecutionDevice, ResolvedDevice, resolve_device};
pub use error::RuntimeError;
pub use host::Host;
pub use load::{Runtime, load};
pub use locate::{Located, Source, locate};
pub use setup::{SetupEvent, Wanted, setup};

pub(super) use arena::{cap_cpu, statistics as arena_statistics};
pub(super) use cuda::state as cuda_state;
pub(super) use pip::version as pip_version;
