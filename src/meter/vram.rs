//! GPU memory, from NVIDIA's management library.

use std::env;
use std::ffi::OsStr;
use std::path::Path;

use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::{Device, Nvml};

use super::MIB;
use crate::trust;

/// One GPU, as the management library knows it.
#[derive(Debug)]
pub(super) struct Vram {
    nvml: Nvml,
    uuid: String,
    /// Whether the driver has ever told this process's share; it does not inside most containers.
    per_process: bool,
    /// Bytes in use on the device when it was opened, by whomever.
    baseline_bytes: u64,
}

impl Vram {
    /// The device that CUDA calls `index`; `None` without a driver or without that device.
    pub(super) fn open(index: u32) -> Option<Self> {
        // Drivers install the versioned name; the plain one comes with development packages only.
        for name in ["libnvidia-ml.so.1", "libnvidia-ml.so"] {
            trust::refuse_current_folder(Path::new(name)).ok()?;
        }
        let nvml = Nvml::builder()
            .lib_path(OsStr::new("libnvidia-ml.so.1"))
            .init();
        let nvml = nvml.or_else(|_| Nvml::init()).ok()?;
        let device = visible_device(&nvml, index)?;
        let uuid = device.uuid().ok()?;
        let baseline_bytes = device.memory_info().ok()?.used;
        Some(Self {
            nvml,
            uuid,
            per_process: false,
            baseline_bytes,
        })
    }

    /// MiB in use by this process where the driver says so, else what the use by all has risen by.
    pub(super) fn used_mib(&mut self) -> Option<f64> {
        let device = self.nvml.device_by_uuid(self.uuid.as_str()).ok()?;
        let own = own_bytes(&device);
        self.per_process |= own.is_some();
        let bytes = match own {
            Some(bytes) => bytes,
            // Before its first allocation the process is not listed: unknown rather than others' memory.
            None if self.per_process => return None,
            None => {
                let used = device.memory_info().ok()?.used;
                used.saturating_sub(self.baseline_bytes)
            }
        };
        Some(bytes as f64 / MIB)
    }

    pub(super) fn name(&self) -> Option<String> {
        let device = self.nvml.device_by_uuid(self.uuid.as_str()).ok()?;
        device.name().ok()
    }

    /// Bytes that nobody uses.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        let device = self.nvml.device_by_uuid(self.uuid.as_str()).ok()?;
        Some(device.memory_info().ok()?.free)
    }

    pub(super) fn source(&self) -> &'static str {
        if self.per_process {
            "nvml-process"
        } else {
            "nvml-device-rise"
        }
    }
}

/// CUDA counts the devices that `CUDA_VISIBLE_DEVICES` lists, by index or by UUID.
fn visible_device(nvml: &Nvml, index: u32) -> Option<Device<'_>> {
    let visible = env::var("CUDA_VISIBLE_DEVICES").unwrap_or_default();
    let listed = visible
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let name = listed.clone().nth(index as usize);
    match name {
        None if listed.count() > 0 => None,
        None => nvml.device_by_index(index).ok(),
        Some(name) => match name.parse() {
            Ok(index) => nvml.device_by_index(index).ok(),
            Err(_) => nvml.device_by_uuid(name).ok(),
        },
    }
}

fn own_bytes(device: &Device) -> Option<u64> {
    let own = std::process::id();
    let processes = device.running_compute_processes().ok()?;
    processes
        .into_iter()
        .find(|process| process.pid == own)
        .and_then(|process| match process.used_gpu_memory {
            UsedGpuMemory::Used(bytes) => Some(bytes),
            UsedGpuMemory::Unavailable => None,
        })
}
