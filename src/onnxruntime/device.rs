//! The device of a sweep file to one that is there.

use super::{ExecutionDevice, Located, RuntimeError, cuda};
use crate::spec::Device;

/// A device that can be used.
#[derive(Debug)]
pub struct ResolvedDevice {
    /// The device.
    pub device: ExecutionDevice,
    /// Why a GPU that is there is not used (only for `auto`); worth telling.
    pub unused_gpu: Option<RuntimeError>,
}

/// Settles what `device` means for a runtime on this machine, and loads the CUDA libraries if it is a GPU.
///
/// # Errors
/// If a CUDA device is asked for by name and cannot be used; `auto` falls back to the CPU.
pub fn resolve_device(device: Device, located: &Located) -> Result<ResolvedDevice, RuntimeError> {
    let resolved = |device, unused_gpu| Ok(ResolvedDevice { device, unused_gpu });
    match device {
        Device::Cpu => resolved(ExecutionDevice::Cpu, None),
        Device::Cuda(index) => {
            cuda::prepare(located, cuda::state(located), index)?;
            resolved(ExecutionDevice::Cuda(index), None)
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
