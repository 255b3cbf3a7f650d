//! ONNX Runtime: finding, fetching and loading it, the devices it can use, and sessions that run a graph.
//!
//! Only this folder names `ort`. It knows graphs just as files; what a model folder contains is up to [`crate::model`].

mod arena;
mod bound;
mod cached;
mod cuda;
mod device;
mod element;
mod error;
mod host;
mod library;
mod load;
mod locate;
mod message;
mod package;
mod pins;
mod pip;
mod provider;
mod session;
mod session_error;
mod setup;
mod sums;
mod tensors;
mod wheel;
mod whole;

pub use crate::vocabulary::ExecutionDevice;
pub use arena::ArenaStatistics;
pub use bound::Input;
pub use cached::Wanted;
pub use device::{ResolvedDevice, resolve_device};
pub use element::ElementType;
pub use error::RuntimeError;
pub use host::Host;
pub use load::{Runtime, load};
pub use locate::{Located, Source, locate};
pub use provider::PluginProvider;
pub use session::{Session, SessionOptions};
pub use session_error::SessionError;
pub use setup::{SetupEvent, setup, setup_plugin, verify};

pub(crate) use arena::SharedArena;
pub(crate) use cuda::state as cuda_state;
pub(crate) use pip::version as pip_version;
pub(crate) use session::shared_arena;
pub(crate) use tensors::InputValue;
