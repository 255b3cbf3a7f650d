//! NVIDIA's driver: how many GPUs CUDA shows, and their identity.

use std::ffi::{c_char, c_int};
use std::fmt::Write;
use std::mem::ManuallyDrop;
use std::path::Path;

use libloading::Library;

use crate::trust;

const LIBRARY: &str = if cfg!(windows) {
    "nvcuda.dll"
} else {
    "libcuda.so.1"
};
/// `CUDA_SUCCESS`.
const SUCCESS: c_int = 0;
/// `CUDA_ERROR_NO_DEVICE`.
const NO_DEVICE: c_int = 100;

/// Why the driver cannot be used.
#[derive(Debug)]
pub(crate) enum DriverError {
    /// The driver is not installed, or is too old.
    Missing(libloading::Error),
    /// The driver library would be loaded from the current folder.
    Refused(String),
    /// The driver shows no GPU, for this reason.
    NoGpu(String),
}

/// The driver, loaded; it is never unloaded.
#[derive(Debug)]
pub(crate) struct CudaDriver {
    library: ManuallyDrop<Library>,
    /// Number of GPUs that CUDA shows; `CUDA_VISIBLE_DEVICES` may hide others.
    pub gpus: u32,
    /// The newest CUDA version that the driver supports, as `1000 * major + 10 * minor`.
    pub cuda: c_int,
}

/// Identifies a GPU, or a slice of one, independently of CUDA's numbering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GpuIdentity {
    /// UUID as `8-4-4-4-12` hexadecimal digits.
    pub uuid: String,
    /// Location on the PCI bus, such as `0000:01:00.0`.
    pub pci_bus_id: String,
}

impl CudaDriver {
    /// Loads the driver and counts the GPUs.
    #[expect(unsafe_code)]
    pub fn open() -> Result<Self, DriverError> {
        type Init = unsafe extern "C" fn(u32) -> c_int;
        type Get = unsafe extern "C" fn(*mut c_int) -> c_int;
        let missing = DriverError::Missing;
        trust::refuse_current_folder(Path::new(LIBRARY)).map_err(DriverError::Refused)?;
        // SAFETY: loading the driver runs its initialisers, as any program that uses CUDA does.
        let library = unsafe { Library::new(LIBRARY) }.map_err(missing)?;
        let library = ManuallyDrop::new(library);
        let (mut gpus, mut cuda) = (0, 0);
        // SAFETY: the three functions have had these types in every CUDA driver; the pointers are to live integers.
        let failed = unsafe {
            let init = library.get::<Init>(c"cuInit").map_err(missing)?;
            let version = library.get::<Get>(c"cuDriverGetVersion").map_err(missing)?;
            let count = library.get::<Get>(c"cuDeviceGetCount").map_err(missing)?;
            [init(0), version(&mut cuda), count(&mut gpus)]
                .into_iter()
                .find(|code| *code != SUCCESS)
        };
        let no_gpu = |reason: String| Err(DriverError::NoGpu(reason));
        match (failed, u32::try_from(gpus)) {
            (Some(NO_DEVICE), _) => no_gpu("it says that there is no device".to_owned()),
            (Some(code), _) => no_gpu(format!("it fails with CUDA error {code}")),
            (None, Err(_) | Ok(0)) => no_gpu("it counts none".to_owned()),
            (None, Ok(gpus)) => Ok(Self {
                library,
                gpus,
                cuda,
            }),
        }
    }

    /// The GPU with this CUDA index: CUDA counts visible GPUs, fastest first. The management library numbers GPUs
    /// differently and does not know which are hidden.
    #[expect(unsafe_code)]
    pub fn identity(&self, index: u32) -> Option<GpuIdentity> {
        type GetDevice = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
        type GetUuid = unsafe extern "C" fn(*mut [u8; 16], c_int) -> c_int;
        type GetBusId = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
        let index = c_int::try_from(index).ok()?;
        let (mut device, mut uuid, mut bus_id) = (0, [0; 16], [0_u8; 32]);
        // SAFETY: the functions have these types in every driver for CUDA 11.4 and newer; `CUuuid` is 16 bytes; the
        // text is written within the length that is given, and ends with a zero.
        unsafe {
            let get_device = self.library.get::<GetDevice>(c"cuDeviceGet").ok()?;
            let get_uuid = self.library.get::<GetUuid>(c"cuDeviceGetUuid_v2").ok()?;
            let get_bus_id = self.library.get::<GetBusId>(c"cuDeviceGetPCIBusId").ok()?;
            let length = bus_id.len() as c_int;
            let is_known = get_device(&mut device, index) == SUCCESS
                && get_uuid(&mut uuid, device) == SUCCESS
                && get_bus_id(bus_id.as_mut_ptr().cast(), length, device) == SUCCESS;
            is_known.then_some(())?;
        }
        let end = bus_id.iter().position(|byte| *byte == 0)?;
        Some(GpuIdentity {
            uuid: hyphenated(uuid),
            pci_bus_id: String::from_utf8(bus_id[..end].to_vec()).ok()?,
        })
    }
}

/// Sixteen bytes as `8-4-4-4-12` hexadecimal digits.
fn hyphenated(uuid: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in uuid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_written_as_nvidia_smi_writes_it() {
        let bytes: [u8; 16] = std::array::from_fn(|index| 0xa0 + index as u8);
        assert_eq!(hyphenated(bytes), "a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf");
    }
}
