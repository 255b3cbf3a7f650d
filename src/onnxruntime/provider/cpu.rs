//! The CPU, which every session has.

use ort::environment::Environment;
use ort::ep;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::builder::{BuilderResult, SessionBuilder};

use super::{Provider, ProviderSettings};

pub(super) struct Cpu;

impl Provider for Cpu {
    fn register(
        &self,
        builder: SessionBuilder,
        _environment: &Environment,
        settings: ProviderSettings,
    ) -> BuilderResult {
        match settings.shared_arena {
            true => builder.with_env_allocators(),
            // Of its own arena the rest of the largest call would stay for good: it grows by powers of two, one a session,
            // and gives nothing back. Taking large tensors from the system costs no time that was to be seen.
            false => {
                let plain = ep::CPU::default().with_arena_allocator(false).build();
                builder.with_execution_providers([plain])
            }
        }
    }

    fn memory(&self) -> ort::Result<MemoryInfo<'static>> {
        let (place, kind) = (AllocationDevice::CPU, AllocatorType::Arena);
        MemoryInfo::new(place, 0, kind, MemoryType::Default)
    }
}
