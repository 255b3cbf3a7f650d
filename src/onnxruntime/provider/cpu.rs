//! The CPU provider, which every session has.

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
            // With its own arena, memory for the largest call would never be freed: each session's arena grows by
            // powers of two and does not shrink. Allocating large tensors from the system took no measurable time.
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
