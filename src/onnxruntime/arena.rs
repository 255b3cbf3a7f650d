//! ONNX Runtime's memory arenas: a cap for the one on the CPU, and what an arena says of itself.
//!
//! `ort` wraps neither, so this is the one place that calls ONNX Runtime's C interface directly.

use std::ffi::{CStr, c_int};
use std::ptr;

use ort::environment::Environment;
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::{AsPointer, Error, sys};

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

/// Gives an environment a new CPU arena of at most so many bytes, in place of an earlier one. Sessions that
/// ask for the environment's allocators share it; those that have the earlier one keep that.
pub(crate) fn cap_cpu(environment: &Environment, limit_bytes: usize) -> ort::Result<()> {
    let place = MemoryInfo::new(
        AllocationDevice::CPU,
        0,
        AllocatorType::Arena,
        MemoryType::Default,
    )?;
    register(environment, &place, limit_bytes)
}

#[expect(unsafe_code)]
fn register(
    environment: &Environment,
    place: &MemoryInfo<'_>,
    limit_bytes: usize,
) -> ort::Result<()> {
    let api = ort::api();
    let environment = environment.ptr().cast_mut();
    let mut configuration: *mut sys::OrtArenaCfg = ptr::null_mut();
    // SAFETY: the environment and the memory info live as long as their references. ONNX Runtime takes a lock
    // of its own around its allocators, holds them by shared pointers and copies the configuration, which is
    // released here and nowhere else. Each status is taken over by `result_from_status`, once.
    unsafe {
        Error::result_from_status((api.CreateArenaCfg)(
            limit_bytes,
            SAME_AS_REQUESTED,
            DEFAULT,
            DEFAULT,
            &mut configuration,
        ))?;
        // The first time there is none to take away, which is told as an error.
        let _ = Error::result_from_status((api.UnregisterAllocator)(environment, place.ptr()));
        let registered = (api.CreateAndRegisterAllocator)(environment, place.ptr(), configuration);
        (api.ReleaseArenaCfg)(configuration);
        Error::result_from_status(registered)
    }
}

/// What an allocator says of itself; `None` if it is no arena.
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
