//! ONNX Runtime's memory arenas: one with a limit that all sessions share, and the statistics of an arena.
//!
//! `ort` wraps neither, so this is the one place that calls ONNX Runtime's C interface directly.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_int};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::memory::Allocator;
use ort::{AsPointer, Error, sys};

use super::provider::provider;
use super::{ExecutionDevice, Runtime};

/// `kSameAsRequested`: the arena grows by the requested amount instead of powers of two.
const SAME_AS_REQUESTED: c_int = 1;
/// Leaves the sizes of chunks to ONNX Runtime.
const DEFAULT: c_int = -1;

/// The memory that an arena has taken from its device, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArenaStatistics {
    /// Handed out now: weights and tensors that are alive.
    pub in_use: u64,
    /// The most that was handed out at once.
    pub max_in_use: u64,
    /// Held now, whether handed out or not.
    pub total_allocated: u64,
}

/// The single arena of a device that all sessions share, so that the limit applies to all of them together.
///
/// Sessions keep the memory they have from it. After it is dropped, its memory is freed once no session uses it any
/// more.
#[derive(Debug)]
pub(crate) struct SharedArena {
    runtime: Runtime,
    device: ExecutionDevice,
    /// Its number among the arenas of this process.
    number: u64,
}

/// The number of the last arena, and the registered arenas: an environment has one for each device.
static REGISTERED: Mutex<(u64, BTreeMap<ExecutionDevice, u64>)> = Mutex::new((0, BTreeMap::new()));

impl SharedArena {
    /// Registers an arena of at most `bytes` bytes, replacing an earlier one of the same device.
    pub fn new(
        runtime: &Runtime,
        device: ExecutionDevice,
        limit_bytes: usize,
    ) -> ort::Result<Self> {
        let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, of_devices) = &mut *registered;
        if of_devices.remove(&device).is_some() {
            unregister(runtime.environment(), device)?;
        }
        register(runtime.environment(), device, limit_bytes)?;
        *last += 1;
        of_devices.insert(device, *last);
        Ok(Self {
            runtime: runtime.clone(),
            device,
            number: *last,
        })
    }
}

impl Drop for SharedArena {
    fn drop(&mut self) {
        let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
        let of_devices = &mut registered.1;
        // Unless a later arena has replaced it.
        if of_devices.get(&self.device) == Some(&self.number) {
            of_devices.remove(&self.device);
            if let Err(error) = unregister(self.runtime.environment(), self.device) {
                tracing::warn!("an arena of {} stays: {}", self.device, error.message());
            }
        }
    }
}

#[expect(unsafe_code)]
fn register(
    environment: &Environment,
    device: ExecutionDevice,
    limit_bytes: usize,
) -> ort::Result<()> {
    let api = ort::api();
    let described = provider(device);
    let place = described.memory()?;
    let name = CString::new(device.facts().provider)?;
    let settings = described.arena_settings();
    let keys: Vec<_> = settings.iter().map(|(key, _)| key.as_ptr()).collect();
    let values: Vec<_> = settings.iter().map(|(_, value)| value.as_ptr()).collect();
    let mut configuration: *mut sys::OrtArenaCfg = ptr::null_mut();
    // SAFETY: the environment, the memory info and the texts live as long as their references. ONNX Runtime locks its
    // allocators itself, holds them by shared pointers and copies what it is given; the configuration is released here
    // and nowhere else. `result_from_status` takes over each status exactly once.
    unsafe {
        Error::result_from_status((api.CreateArenaCfg)(
            limit_bytes,
            SAME_AS_REQUESTED,
            DEFAULT,
            DEFAULT,
            &mut configuration,
        ))?;
        let registered = (api.CreateAndRegisterAllocatorV2)(
            environment.ptr().cast_mut(),
            name.as_ptr(),
            place.ptr(),
            configuration,
            keys.as_ptr(),
            values.as_ptr(),
            settings.len(),
        );
        (api.ReleaseArenaCfg)(configuration);
        Error::result_from_status(registered)
    }
}

#[expect(unsafe_code)]
fn unregister(environment: &Environment, device: ExecutionDevice) -> ort::Result<()> {
    let place = provider(device).memory()?;
    // SAFETY: environment and memory info live as long as their references; the status is taken over once.
    unsafe {
        Error::result_from_status((ort::api().UnregisterAllocator)(
            environment.ptr().cast_mut(),
            place.ptr(),
        ))
    }
}

/// The statistics of an allocator; `None` if it is not an arena.
#[expect(unsafe_code)]
pub(crate) fn statistics(allocator: &Allocator) -> Option<ArenaStatistics> {
    let api = ort::api();
    let mut pairs: *mut sys::OrtKeyValuePairs = ptr::null_mut();
    // SAFETY: the allocator lives as long as its reference; on success ONNX Runtime hands over the pairs, which are
    // read before they are released, once.
    unsafe {
        Error::result_from_status((api.AllocatorGetStats)(allocator.ptr(), &mut pairs)).ok()?;
        let bytes = |key: &CStr| {
            let value = (api.GetKeyValue)(pairs, key.as_ptr());
            (!value.is_null()).then(|| CStr::from_ptr(value).to_str().ok()?.parse().ok())?
        };
        let read = |in_use, max_in_use, total_allocated| ArenaStatistics {
            in_use,
            max_in_use,
            total_allocated,
        };
        let statistics = bytes(c"InUse")
            .zip(bytes(c"MaxInUse"))
            .zip(bytes(c"TotalAllocated"))
            .map(|((in_use, most), total)| read(in_use, most, total));
        (api.ReleaseKeyValuePairs)(pairs);
        statistics
    }
}
