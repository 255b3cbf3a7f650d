//! How sessions use each kind of device: one file for each provider of ONNX Runtime.
//!
//! Properties of a device that have nothing to do with ONNX Runtime are in [`crate::vocabulary::DeviceFacts`]; the
//! NVIDIA driver and the loading of CUDA are in `cuda.rs`. A provider that ONNX Runtime loads as a plugin is a
//! description ([`Plugin`]) in its own file; finding and starting it is the same for all (`plugin.rs`).

mod cpu;
mod cuda;
mod openvino;
mod plugin;
mod webgpu;

use std::ffi::CString;

use ort::environment::Environment;
use ort::memory::MemoryInfo;
use ort::session::builder::{BuilderResult, SessionBuilder};

use super::{ExecutionDevice, Host, Located, Runtime, RuntimeError};
use crate::vocabulary::Arithmetic;
pub(super) use plugin::{Plugin, is_library};

/// A device as sessions use it.
pub(super) trait Provider {
    /// Finds what the device needs, and loads what must be loaded before ONNX Runtime.
    fn prepare(&self, _located: &Located) -> Result<(), RuntimeError> {
        Ok(())
    }

    /// Makes the device available to a loaded runtime.
    fn start(&self, _runtime: &Runtime, _host: &Host) -> Result<(), RuntimeError> {
        Ok(())
    }

    /// The device's product name, if ONNX Runtime knows it.
    fn device_name(&self, _runtime: &Runtime) -> Option<String> {
        None
    }

    /// Adds the provider to a session's options.
    #[expect(
        clippy::result_large_err,
        reason = "the type is ort's, whose steps all give it"
    )]
    fn register(
        &self,
        builder: SessionBuilder,
        environment: &Environment,
        settings: ProviderSettings,
    ) -> BuilderResult;

    /// The memory in which its tensors are.
    fn memory(&self) -> ort::Result<MemoryInfo<'static>>;

    /// Settings that the provider needs for an arena shared by sessions.
    fn arena_settings(&self) -> Vec<(CString, CString)> {
        Vec::new()
    }
}

/// Settings of a session for its provider; providers ignore those they do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProviderSettings {
    /// Whether to use the environment's arena instead of one of the session's own.
    pub shared_arena: bool,
    /// Number of CPU threads; 0 for the number of physical cores.
    pub threads: usize,
    /// The number formats it may compute in.
    pub arithmetic: Arithmetic,
}

/// The provider of a device.
pub(super) fn provider(device: ExecutionDevice) -> Box<dyn Provider> {
    match device {
        ExecutionDevice::Cpu => Box::new(cpu::Cpu),
        ExecutionDevice::Cuda(index) => Box::new(cuda::Cuda { index }),
        ExecutionDevice::WebGpu => Box::new(webgpu::WebGpu),
        ExecutionDevice::OpenVino => Box::new(openvino::OpenVino { on_gpu: false }),
        ExecutionDevice::OpenVinoGpu => Box::new(openvino::OpenVino { on_gpu: true }),
    }
}

/// A provider that is fetched separately from ONNX Runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginProvider {
    /// GPUs from any vendor.
    WebGpu,
    /// Intel CPUs and GPUs.
    OpenVino,
}

impl PluginProvider {
    /// All such providers.
    pub const ALL: [Self; 2] = [Self::WebGpu, Self::OpenVino];

    pub(super) fn plugin(self) -> &'static Plugin {
        match self {
            Self::WebGpu => &webgpu::PLUGIN,
            Self::OpenVino => &openvino::PLUGIN,
        }
    }

    /// The device to use if no other one is named.
    pub fn device(self) -> ExecutionDevice {
        match self {
            Self::WebGpu => ExecutionDevice::WebGpu,
            Self::OpenVino => ExecutionDevice::OpenVino,
        }
    }
}
