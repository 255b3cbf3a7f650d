//! The CPU, which every session has.

use std::ffi::CString;

use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::builder::{BuilderResult, SessionBuilder};

use super::{Provider, ProviderSettings};

pub(super) struct Cpu;

impl Provider for Cpu {
    fn register(&self, builder: SessionBuilder, settings: ProviderSettings) -> BuilderResult {
        match settings.shared_arena {
            true => builder.with_env_allocators(),
            false => Ok(builder),
        }
    }

    fn memory(&self) -> ort::Result<MemoryInfo<'static>> {
        let (place, kind) = (AllocationDevice::CPU, AllocatorType::Arena);
        MemoryInfo::new(place, 0, kind, MemoryType::Default)
    }

    fn arena_settings(&self) -> Vec<(CString, CString)> {
        Vec::new()
    }
}
