//! Where inference runs: ONNX Runtime, loaded, and a device that it can use.

use super::RunnerError;
use crate::meter::{cpu_name, device_name};
use crate::onnxruntime::{
    ExecutionDevice, Host, Runtime, RuntimeError, load, locate, resolve_device,
};
use crate::spec::{Device, Runtime as Asked};
use crate::store::Environment;

/// A runtime and a device.
#[derive(Debug)]
pub struct Place {
    pub(crate) runtime: Runtime,
    pub(crate) device: ExecutionDevice,
}

impl Place {
    /// Finds both; what the user should know of the device becomes a note.
    ///
    /// # Errors
    /// If there is no usable library, or not the device.
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

    /// Refuses a limit to memory that nothing would hold on this device.
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

    /// What is to be told of it, as it was asked to run.
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
