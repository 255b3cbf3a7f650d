//! GPU memory, read from NVIDIA's management library.

use std::ffi::OsStr;
use std::path::Path;

use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::{Device, Nvml};

use super::MIB;
use super::cuda_driver::{CudaDriver, GpuIdentity};
use crate::trust;
use crate::vocabulary::{ExecutionDevice, MemoryCount};

/// A GPU in the management library.
#[derive(Debug)]
pub(super) struct Vram {
    nvml: Nvml,
    uuid: String,
    /// Whether the driver has ever reported this process's share; inside most containers it does not.
    per_process: bool,
    /// Bytes in use on the device, by any process, when the meter was made.
    baseline_bytes: u64,
}

impl Vram {
    /// Opens a device, if NVIDIA's management library knows it.
    pub(super) fn of(device: ExecutionDevice) -> Option<Self> {
        match device.facts().memory {
            MemoryCount::Nvml => Self::open(device.index()?),
            MemoryCount::System | MemoryCount::Nobody => None,
        }
    }

    /// Opens the device with this CUDA index; `None` without a driver or device.
    fn open(index: u32) -> Option<Self> {
        // Drivers install the versioned name; the plain one is part of development packages.
        for name in ["libnvidia-ml.so.1", "libnvidia-ml.so"] {
            trust::refuse_current_folder(Path::new(name)).ok()?;
        }
        let nvml = Nvml::builder()
            .lib_path(OsStr::new("libnvidia-ml.so.1"))
            .init();
        let nvml = nvml.or_else(|_| Nvml::init()).ok()?;
        let identity = CudaDriver::open().ok()?.identity(index)?;
        let uuid = known_as(&nvml, &identity)?;
        let device = nvml.device_by_uuid(uuid.as_str()).ok()?;
        let baseline_bytes = device.memory_info().ok()?.used;
        Some(Self {
            nvml,
            uuid,
            per_process: false,
            baseline_bytes,
        })
    }

    /// MiB used by this process, if the driver reports that; otherwise the rise in use by all processes.
    pub(super) fn used_mib(&mut self) -> Option<f64> {
        let device = self.nvml.device_by_uuid(self.uuid.as_str()).ok()?;
        let own = own_bytes(&device);
        self.per_process |= own.is_some();
        let bytes = match own {
            Some(bytes) => bytes,
            // A process is not listed before its first allocation: report unknown rather than others' memory.
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

    /// Bytes in use by no process.
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

/// The management library's identifier of a GPU. A slice of one (MIG) has its own UUID; if the library knows neither
/// UUID, the bus location identifies the whole GPU.
fn known_as(nvml: &Nvml, identity: &GpuIdentity) -> Option<String> {
    let GpuIdentity { uuid, pci_bus_id } = identity;
    let names = [format!("GPU-{uuid}"), format!("MIG-{uuid}")];
    let is_known = |name: &String| nvml.device_by_uuid(name.as_str()).is_ok();
    names.into_iter().find(is_known).or_else(|| {
        let device = nvml.device_by_pci_bus_id(pci_bus_id.as_str()).ok()?;
        device.uuid().ok()
    })
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
