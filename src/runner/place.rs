//! Where inference runs: a loaded ONNX Runtime, and a device it can use.

use super::RunnerError;
use crate::meter::{cpu_name, device_name};
use crate::onnxruntime::{
    ExecutionDevice, Host, Runtime, RuntimeError, load, locate, resolve_device,
};
use crate::spec::{Device, Runtime as Asked};
use crate::store::Environment;

/// A loaded runtime and a device.
#[derive(Debug)]
pub struct Place {
    pub(crate) runtime: Runtime,
    pub(crate) device: ExecutionDevice,
}

impl Place {
    /// Finds both; anything about the device that the user should know becomes a note.
    ///
    /// # Errors
    /// If there is no usable library, or the device is not available.
    pub fn find(host: &Host, device: Device, notes: &mut Vec<String>) -> Result<Self, RunnerError> {
        let located = locate(host)?;
        let resolved = resolve_device(device, &located)?;
        if let Some(reason) = resolved.unused_gpu {
            notes.push(format!("the GPU is not used: {reason}"));
        }
        let (runtime, device) = (load(&located)?, resolved.device);
        runtime.start_device(device, host)?;
        Ok(Self { runtime, device })
    }

    /// Refuses a memory limit that could not be enforced on this device.
    ///
    /// # Errors
    /// [`RuntimeError::NoMemoryLimit`].
    pub fn check_limit(&self, limit: Option<u64>) -> Result<(), RunnerError> {
        match limit {
            Some(_) if !self.device.facts().takes_limit => Err(RuntimeError::NoMemoryLimit {
                device: self.device.to_string(),
            }
            .into()),
            Some(_) | None => Ok(()),
        }
    }

    /// Its description, with the settings it was asked to run with.
    pub fn environment(&self, runtime: &Asked) -> Environment {
        Environment {
            ip2p: env!("CARGO_PKG_VERSION").to_owned(),
            onnxruntime: self.runtime.located().version.clone(),
            device: self.device.to_string(),
            device_name: device_name(self.device).or_else(|| self.runtime.device_name(self.device)),
            provider: self.device.facts().provider.to_owned(),
            os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cpu: cpu_name(),
            threads: runtime.threads,
            arithmetic: runtime.arithmetic.on(self.device).map(str::to_owned),
            started: jiff::Timestamp::now(),
        }
    }
}
