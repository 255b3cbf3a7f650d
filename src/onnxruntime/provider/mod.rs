//! How sessions use each kind of device: one file a provider of ONNX Runtime.
//!
//! What is true of a device beyond ONNX Runtime stands in [`crate::vocabulary::DeviceFacts`]; whether NVIDIA's driver is
//! there, and what must be loaded for CUDA, in `cuda.rs`. A provider that ONNX Runtime loads as a plugin is a
//! description ([`Plugin`]) in a file of its own; finding and starting it is the same for all (`plugin.rs`).

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

/// One device as sessions need it.
pub(super) trait Provider {
    /// Finds what the device needs, and loads what must be there before ONNX Runtime is.
    fn prepare(&self, _located: &Located) -> Result<(), RuntimeError> {
        Ok(())
    }

    /// Makes a loaded runtime know the device.
    fn start(&self, _runtime: &Runtime, _host: &Host) -> Result<(), RuntimeError> {
        Ok(())
    }

    /// What the device calls itself, if ONNX Runtime knows.
    fn device_name(&self, _runtime: &Runtime) -> Option<String> {
        None
    }

    /// Gives a session what computes on the device.
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

    /// Where its tensors are.
    fn memory(&self) -> ort::Result<MemoryInfo<'static>>;

    /// What the provider must be told to make an arena that sessions share.
    fn arena_settings(&self) -> Vec<(CString, CString)> {
        Vec::new()
    }
}

/// What a session may ask of a provider; those that do not know it pass it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProviderSettings {
    /// Whether the environment's arena is used, and no one of the session's own.
    pub shared_arena: bool,
    /// Threads of the processor; 0 is the physical cores.
    pub threads: usize,
    /// What it may compute in.
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

/// A provider that is fetched beside ONNX Runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginProvider {
    /// GPUs of every maker.
    WebGpu,
    /// Intel's processors and GPUs.
    OpenVino,
}

impl PluginProvider {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::WebGpu, Self::OpenVino];

    pub(super) fn plugin(self) -> &'static Plugin {
        match self {
            Self::WebGpu => &webgpu::PLUGIN,
            Self::OpenVino => &openvino::PLUGIN,
        }
    }

    /// The device it is for, where nothing else is asked for.
    pub fn device(self) -> ExecutionDevice {
        match self {
            Self::WebGpu => ExecutionDevice::WebGpu,
            Self::OpenVino => ExecutionDevice::OpenVino,
        }
    }
}
