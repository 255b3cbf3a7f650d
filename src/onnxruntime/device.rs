//! Resolves the device of a sweep file to one that exists.

use super::provider::provider;
use super::{ExecutionDevice, Host, Located, Runtime, RuntimeError, cuda};
use crate::spec::Device;

/// A device that can be used.
#[derive(Debug)]
pub struct ResolvedDevice {
    /// The device.
    pub device: ExecutionDevice,
    /// Why an existing GPU is not used (only for `auto`), to be reported to the user.
    pub unused_gpu: Option<RuntimeError>,
}

impl Runtime {
    /// Makes a device available to this runtime: providers that are plugins are found, loaded and asked for it.
    ///
    /// # Errors
    /// If the plugin is missing, does not load, or finds no such device.
    pub fn start_device(&self, device: ExecutionDevice, host: &Host) -> Result<(), RuntimeError> {
        provider(device).start(self, host)
    }

    /// A device's product name, if its provider knows it.
    pub fn device_name(&self, device: ExecutionDevice) -> Option<String> {
        provider(device).device_name(self)
    }
}

/// Resolves `device` for a runtime on this machine, and loads the CUDA libraries if it is an NVIDIA GPU.
///
/// # Errors
/// If a CUDA device is named that cannot be used; `auto` falls back to the CPU. For providers that are plugins,
/// [`Runtime::start_device`] reports errors.
pub fn resolve_device(device: Device, located: &Located) -> Result<ResolvedDevice, RuntimeError> {
    let resolved = |device, unused_gpu| Ok(ResolvedDevice { device, unused_gpu });
    match device {
        Device::Named(device) => {
            provider(device).prepare(located)?;
            resolved(device, None)
        }
        Device::Auto => {
            let state = cuda::state(located);
            let has_gpu = state.driver.is_ok();
            match cuda::prepare(located, state, 0) {
                Ok(()) => resolved(ExecutionDevice::Cuda(0), None),
                Err(error) => resolved(ExecutionDevice::Cpu, has_gpu.then_some(error)),
            }
        }
    }
}
