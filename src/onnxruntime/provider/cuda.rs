//! NVIDIA GPUs through CUDA.

use std::ffi::CString;

use ort::environment::Environment;
use ort::ep::cuda::ConvAlgorithmSearch;
use ort::ep::{self, ArenaExtendStrategy};
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::builder::{BuilderResult, SessionBuilder};

use super::super::{Located, RuntimeError, cuda};
use super::{Provider, ProviderSettings};

pub(super) struct Cuda {
    pub index: u32,
}

impl Cuda {
    fn device_id(&self) -> i32 {
        i32::try_from(self.index).unwrap_or(i32::MAX)
    }
}

impl Provider for Cuda {
    fn prepare(&self, located: &Located) -> Result<(), RuntimeError> {
        cuda::prepare(located, cuda::state(located), self.index)
    }

    /// Failing to register is an error, because ONNX Runtime would otherwise silently run on the CPU. Exhaustive
    /// convolution search is off, because it takes minutes and gigabytes.
    fn register(
        &self,
        builder: SessionBuilder,
        _environment: &Environment,
        settings: ProviderSettings,
    ) -> BuilderResult {
        let provider = ep::CUDA::default()
            .with_device_id(self.device_id())
            .with_tf32(settings.arithmetic.tf32)
            .with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic)
            .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested)
            .build()
            .error_on_failure();
        let builder = builder.with_execution_providers([provider])?;
        match settings.shared_arena {
            true => builder.with_env_allocators(),
            false => Ok(builder),
        }
    }

    fn memory(&self) -> ort::Result<MemoryInfo<'static>> {
        let (place, kind) = (AllocationDevice::CUDA, AllocatorType::Arena);
        MemoryInfo::new(place, self.device_id(), kind, MemoryType::Default)
    }

    fn arena_settings(&self) -> Vec<(CString, CString)> {
        let device_id = CString::new(self.index.to_string()).unwrap_or_default();
        vec![(c"device_id".to_owned(), device_id)]
    }
}
