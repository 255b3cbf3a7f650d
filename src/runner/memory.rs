//! Resolves `runtime.memory` and `runtime.batch` for a model and a device.

use crate::engine::{Component, Policy};
use crate::model::ModelError;
use crate::spec::{Batch, MemoryPolicy, Runtime};
use crate::vocabulary::{DeviceFacts, ExecutionDevice};

/// Memory of CLIP's encoders divided by the size of their weights: graph copies, packed weights, tensors.
const SESSION_OVERHEAD: f64 = 1.5;

/// The share of free memory that a run plans to use.
const USABLE: f64 = 0.8;

/// Cells denoised together on a GPU if the sweep file does not say and the device does not report its memory, or if
/// `memory = "phased"` asks for little memory. With three rows a cell, four cells keep the card busy; the engine halves
/// the number if memory runs out.
const GPU_BATCH: usize = 4;

/// Latent pixels of all cells denoised together on a CPU if the sweep file does not say: half of one 512 x 512 image.
/// With small latents a call spends more time reading weights than multiplying (docs/performance.md); large ones are as
/// fast one row at a time, and need less memory.
const CPU_BATCH_PIXELS: usize = 64 * 64 / 2;

/// The most cells denoised together on a CPU, because a killed run loses its unfinished batch.
const CPU_BATCH_MOST: usize = 4;

/// The policy for a model, given the memory it needs with all components resident, the number of pixels (height times
/// width) of its largest latents, and its UNet rows a cell. `free_bytes` is the device's free memory, if known; a limit
/// reduces it.
pub fn policy(
    runtime: &Runtime,
    resident_bytes: f64,
    latent_pixels: usize,
    rows_a_cell: usize,
    device: ExecutionDevice,
    free_bytes: Option<u64>,
) -> Policy {
    let DeviceFacts {
        is_gpu: on_gpu,
        pads_calls,
        ..
    } = *device.facts();
    let phased = match runtime.memory {
        MemoryPolicy::Phased => true,
        MemoryPolicy::Resident => false,
        MemoryPolicy::Auto => {
            let free = free_bytes.map(|free| USABLE * free as f64);
            let limit = limit_bytes(runtime).map(|limit| limit as f64);
            let usable = free.into_iter().chain(limit).reduce(f64::min);
            usable.is_some_and(|usable| resident_bytes > usable)
        }
    };
    let batch = match runtime.batch {
        Batch::Cells(cells) => cells.get() as usize,
        Batch::Auto if on_gpu => GPU_BATCH,
        Batch::Auto => (CPU_BATCH_PIXELS / latent_pixels.max(1)).clamp(1, CPU_BATCH_MOST),
    };
    let unet_rows = if on_gpu || batch > 1 {
        rows_a_cell * batch
    } else {
        1
    };
    Policy {
        phased,
        batch,
        unet_rows,
        calls: 1,
        pad: pads_calls,
        probe: on_gpu && runtime.batch == Batch::Auto && runtime.memory != MemoryPolicy::Phased,
    }
}

/// The names of a model's components, each with the bytes of its weights.
pub fn component_sizes(bytes: [u64; 4]) -> impl Iterator<Item = (&'static str, u64)> {
    Component::ALL.map(Component::folder).into_iter().zip(bytes)
}

/// `runtime.memory_limit_mib` in bytes.
pub fn limit_bytes(runtime: &Runtime) -> Option<u64> {
    let limit = runtime.memory_limit_mib?;
    Some(u64::from(limit.get()) << 20)
}

/// Refuses a limit smaller than the weights of the largest component.
pub fn check_limit(
    runtime: &Runtime,
    sizes: impl Iterator<Item = (&'static str, u64)>,
) -> Result<(), ModelError> {
    match (limit_bytes(runtime), sizes.max_by_key(|&(_, bytes)| bytes)) {
        (Some(limit), Some((part, bytes))) if limit < bytes => Err(ModelError::MemoryLimit {
            limit_mib: limit >> 20,
            part,
            weights_mib: bytes.div_ceil(1 << 20),
        }),
        _ => Ok(()),
    }
}

/// The memory needed to hold the largest of some components alone.
pub fn alone_bytes(parts: impl IntoIterator<Item = u64>) -> f64 {
    SESSION_OVERHEAD * parts.into_iter().max().unwrap_or(0) as f64
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const MIB: u64 = 1 << 20;

    const COMPONENTS: [u64; 4] = [100 * MIB, 200 * MIB, 400 * MIB, 100 * MIB];
    /// The memory for such a model with three of them loaded.
    const RESIDENT: f64 = 1050.0 * MIB as f64;

    fn limited(mib: u32) -> Runtime {
        Runtime {
            memory_limit_mib: NonZeroU32::new(mib),
            ..Runtime::default()
        }
    }

    #[test]
    fn memory_is_phased_where_the_smaller_of_free_and_limit_is_too_small() {
        let phased = |runtime: Runtime, free: Option<u64>| {
            policy(
                &runtime,
                RESIDENT,
                64 * 64,
                3,
                ExecutionDevice::Cuda(0),
                free.map(|mib| mib * MIB),
            )
            .phased
        };
        assert!(!phased(Runtime::default(), Some(2000)));
        assert!(phased(Runtime::default(), Some(1200)));
        assert!(phased(limited(1000), Some(2000)));
        assert!(phased(limited(1000), None));
        assert!(phased(limited(3000), Some(1200)));
        assert!(!phased(limited(1100), Some(2000)));
        assert!(!phased(Runtime::default(), None));
    }

    #[test]
    fn calls_grow_with_the_room_on_a_gpu_unless_phased_memory_was_asked_for() {
        let of = |memory, free: u64| {
            let runtime = Runtime {
                memory,
                ..Runtime::default()
            };
            let policy = policy(
                &runtime,
                RESIDENT,
                64 * 64,
                3,
                ExecutionDevice::Cuda(0),
                Some(free * MIB),
            );
            (policy.phased, policy.probe, policy.unet_rows)
        };
        assert_eq!(of(MemoryPolicy::Resident, 80_000), (false, true, 12));
        assert_eq!(of(MemoryPolicy::Phased, 80_000), (true, false, 12));
        // Too little room for all components: the UNet uses as much of it as it can.
        assert_eq!(of(MemoryPolicy::Auto, 1200), (true, true, 12));
    }

    #[test]
    fn on_a_cpu_cells_are_batched_where_latents_are_small() {
        let rows = |side: usize| {
            let policy = policy(
                &Runtime::default(),
                RESIDENT,
                side * side,
                3,
                ExecutionDevice::Cpu,
                None,
            );
            (policy.batch, policy.unet_rows)
        };
        assert_eq!(rows(16), (4, 12));
        assert_eq!(rows(32), (2, 6));
        assert_eq!(rows(33), (1, 1));
        assert_eq!(rows(96), (1, 1));
    }

    #[test]
    fn a_limit_below_the_largest_component_is_refused_with_the_remedy() {
        let check = |runtime: &Runtime| check_limit(runtime, component_sizes(COMPONENTS));
        assert!(check(&limited(400)).is_ok());
        assert!(check(&Runtime::default()).is_ok());
        let error = check(&limited(399)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "runtime.memory_limit_mib is 399, but unet alone has 400 MiB of weights"
        );
        let help = miette::Diagnostic::help(&error).unwrap().to_string();
        assert!(
            help.starts_with("raise memory_limit_mib to 600 or more"),
            "{help}"
        );
    }
}
