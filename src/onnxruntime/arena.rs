//! ONNX Runtime's memory arenas: one that all sessions share, with a cap, and what an arena says of itself.
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

/// `kSameAsRequested`: the arena grows by what is asked for and not by powers of two.
const SAME_AS_REQUESTED: c_int = 1;
/// ONNX Runtime's own choice, for the sizes of chunks.
const DEFAULT: c_int = -1;

/// What an arena has taken of its device since it was made, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArenaStatistics {
    /// Handed out now: weights, and tensors that are alive.
    pub in_use: u64,
    /// The most that was handed out at a time.
    pub max_in_use: u64,
    /// Held now, whether handed out or not.
    pub total_allocated: u64,
}

/// The one arena of a device that all sessions of a limit share, so that the limit holds for all of them together.
///
/// Sessions keep what they have of it. Dropping it gives its memory back once no session has any.
#[derive(Debug)]
pub(crate) struct SharedArena {
    runtime: Runtime,
    device: ExecutionDevice,
    /// Which of the arenas of this process it is.
    number: u64,
}

/// The number of the last arena, and those that are registered: an environment has one a device.
static REGISTERED: Mutex<(u64, BTreeMap<ExecutionDevice, u64>)> = Mutex::new((0, BTreeMap::new()));

impl SharedArena {
    /// Registers an arena of at most so many bytes, in place of an earlier one of the device.
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
        // A later one has taken its place otherwise.
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
    // SAFETY: the environment, the memory info and the texts live as long as their references. ONNX Runtime takes a
    // lock of its own around its allocators, holds them by shared pointers and copies what it is given; the
    // configuration is released here and nowhere else. Each status is taken over by `result_from_status`, once.
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

/// What an allocator says of itself; `None` if it is not an arena.
#[expect(unsafe_code)]
pub(crate) fn statistics(allocator: &Allocator) -> Option<ArenaStatistics> {
    let api = ort::api();
    let mut pairs: *mut sys::OrtKeyValuePairs = ptr::null_mut();
    // SAFETY: the allocator lives as long as its reference; on success ONNX Runtime hands over the pairs, which
    // are read before they are released, once.
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
