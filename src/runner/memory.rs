//! How much at a time: `runtime.memory` and `runtime.batch` resolved for a model and a device.

use crate::engine::Policy;
use crate::plan::ModelEntry;
use crate::spec::{Batch, MemoryPolicy, Runtime};

/// Sessions take about this much more than their weights: graph copies, packed weights, activations.
const SESSION_OVERHEAD: f64 = 1.5;

/// The share of free memory that a run may plan with.
const USABLE: f64 = 0.8;

/// Cells denoised together on a GPU, where the sweep file leaves it open. Three rows a cell keep the
/// card busy from four cells on; the engine halves it where memory runs out.
const GPU_BATCH: usize = 4;

/// The policy for one model; `free_bytes` is the device's free memory, if known.
pub fn policy(
    runtime: &Runtime,
    model: &ModelEntry,
    on_gpu: bool,
    free_bytes: Option<u64>,
) -> Policy {
    let phased = match runtime.memory {
        MemoryPolicy::Phased => true,
        MemoryPolicy::Resident => false,
        MemoryPolicy::Auto => {
            free_bytes.is_some_and(|free| resident_bytes(model) > USABLE * free as f64)
        }
    };
    let batch = match runtime.batch {
        Batch::Cells(cells) => cells.get() as usize,
        Batch::Auto if on_gpu => GPU_BATCH,
        Batch::Auto => 1,
    };
    let unet_rows = if on_gpu || batch > 1 { 3 * batch } else { 1 };
    Policy {
        phased,
        batch,
        unet_rows,
        pad: on_gpu,
    }
}

/// Memory of all components that are in use at once in resident memory: the text encoder is gone by then.
pub fn resident_bytes(model: &ModelEntry) -> f64 {
    let [_, vae_encoder, unet, vae_decoder] = model.component_bytes;
    SESSION_OVERHEAD * (vae_encoder + unet + vae_decoder) as f64
}

/// Memory of the largest component.
pub fn phased_bytes(model: &ModelEntry) -> f64 {
    SESSION_OVERHEAD * model.component_bytes.into_iter().max().unwrap_or(0) as f64
}
