//! How sessions use each kind of device: one file a provider of ONNX Runtime.
//!
//! What is true of a device beyond ONNX Runtime stands in [`crate::vocabulary::DeviceFacts`]; whether it is there, and
//! what must be loaded for it, in `device.rs` and `cuda.rs`.

mod cpu;
mod cuda;

use std::ffi::CString;

use ort::memory::MemoryInfo;
use ort::session::builder::{BuilderResult, SessionBuilder};

use super::ExecutionDevice;

/// One device as sessions need it.
pub(super) trait Provider {
    /// Gives a session what computes on the device.
    #[expect(
        clippy::result_large_err,
        reason = "the type is ort's, whose steps all give it"
    )]
    fn register(&self, builder: SessionBuilder, settings: ProviderSettings) -> BuilderResult;

    /// Where its tensors are.
    fn memory(&self) -> ort::Result<MemoryInfo<'static>>;

    /// What the provider must be told to make an arena that sessions share.
    fn arena_settings(&self) -> Vec<(CString, CString)>;
}

/// What a session may ask of a provider; those that do not know it pass it over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ProviderSettings {
    /// Whether the environment's arena is used, and no one of the session's own.
    pub shared_arena: bool,
}

/// The provider of a device.
pub(super) fn provider(device: ExecutionDevice) -> Box<dyn Provider> {
    match device {
        ExecutionDevice::Cpu => Box::new(cpu::Cpu),
        ExecutionDevice::Cuda(index) => Box::new(cuda::Cuda { index }),
    }
}
