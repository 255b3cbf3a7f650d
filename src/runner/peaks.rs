//! How much device memory a run will need: what earlier runs took or, without any, an estimate from graphs and weights.

use std::collections::BTreeSet;

use super::memory::policy;
use super::timings::Timings;
use super::{Model, Prepared};
use crate::engine::{Component, Policy};
use crate::model::CallSize;
use crate::plan::{ModelWork, Plan, Tiling};
use crate::spec::{MemoryPolicy, Runtime};
use crate::vocabulary::ExecutionDevice;

const MIB: f64 = (1 << 20) as f64;

/// The program itself on the CPU, with ONNX Runtime, its threads and one cell's results.
const PROGRAM_BYTES: f64 = 75.0 * MIB;
/// What the program holds for each pixel of an image besides the model: as floats, and while it is measured against its
/// input.
const PIXEL_BYTES: f64 = 200.0;

/// What a session holds for each byte of its weights, including its graph and weights packed for the processor.
const HELD: f64 = 1.05;
/// The same if the processor has to unpack float16 into float32.
const HELD_UNPACKED: f64 = 2.3;

/// The most memory in use at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Amount of memory in bytes.
    pub bytes: f64,
    /// Whether an earlier run took this much; otherwise it is an estimate.
    pub measured: bool,
}

/// Finds the memory peaks of some work, under either memory policy.
pub(super) struct Peaks<'a> {
    pub prepared: &'a Prepared,
    pub timings: &'a Timings,
    pub device: ExecutionDevice,
}

impl Peaks<'_> {
    /// The highest peak of all models and sizes; `None` if there is nothing to do.
    pub fn highest(&self, works: &[&ModelWork], memory: MemoryPolicy) -> Option<Peak> {
        let of_work = |work: &&ModelWork| self.of_work(work, memory);
        works.iter().filter_map(of_work).reduce(higher)
    }

    fn of_work(&self, work: &ModelWork, memory: MemoryPolicy) -> Option<Peak> {
        let plan = &self.prepared.plan;
        let sizes: BTreeSet<(u32, u32)> = work
            .groups
            .iter()
            .map(|group| (group.start.sampling.width, group.start.sampling.height))
            .collect();
        let (entry, model) = (&plan.models[work.model], &self.prepared.models[work.model]);
        let cells = work.groups.iter().map(|group| group.cells.len()).sum();
        let peaks = sizes.into_iter().map(|size| {
            let runtime = Runtime {
                memory,
                ..self.prepared.spec.runtime
            };
            let factor = entry.vae_factor;
            let latent_pixels = (size.0 / factor) as usize * (size.1 / factor) as usize;
            let rows_a_cell = work.kind.pipeline().plain_rows();
            let of = policy(&runtime, 0.0, latent_pixels, rows_a_cell, self.device, None);
            let batch = of.batch.min(cells);
            let known = self
                .timings
                .peak_mib(entry, self.device, size, of.memory(), batch);
            let estimated = || self.estimated(model, size, Policy { batch, ..of });
            known.map_or_else(estimated, |mib| Peak {
                bytes: mib * MIB,
                measured: true,
            })
        });
        peaks.reduce(higher)
    }

    fn estimated(&self, model: &Model, size: (u32, u32), policy: Policy) -> Peak {
        Peak {
            bytes: needed_bytes(model, self.device, size, &self.prepared.plan, policy),
            measured: false,
        }
    }
}

/// The memory that a model needs at a size, from its weights and what a call of each component holds.
pub(super) fn needed_bytes(
    model: &Model,
    device: ExecutionDevice,
    (width, height): (u32, u32),
    plan: &Plan,
    policy: Policy,
) -> f64 {
    let folder = &model.folder;
    let on_gpu = device.facts().is_gpu;
    let is_half = folder.precision() != "fp32";
    let held = if is_half && !on_gpu {
        HELD_UNPACKED
    } else {
        HELD
    };
    // A GPU computes in the precision of the graph, a processor in float32.
    let number_bytes = if folder.precision() == "fp16" && on_gpu {
        2
    } else {
        4
    };
    let factor = folder.vae_factor();
    let tiling = Tiling::new(plan.numerics.vae_tile, width, height, factor);
    let (tile_width, tile_height) = tiling.map_or((width, height), |tiling| tiling.tile());
    let rows = policy.unet_rows.min(policy.batch * 3).max(1);
    let held = |component| held * folder.component_bytes(component) as f64;
    let call = |component| {
        let (width, height) = match component {
            Component::VaeEncoder | Component::VaeDecoder => (tile_width, tile_height),
            Component::TextEncoder | Component::Unet => (width, height),
        };
        let size = CallSize {
            width,
            height,
            rows,
        };
        folder.call_bytes(component, size, number_bytes) as f64
    };
    let most =
        |of: &dyn Fn(Component) -> f64| Component::ALL.map(of).into_iter().fold(0.0, f64::max);
    let pixels = f64::from(width) * f64::from(height);
    let base = match on_gpu {
        true => 0.0,
        false => PROGRAM_BYTES + PIXEL_BYTES * pixels,
    };
    base + match policy.phased {
        true => most(&|component| held(component) + call(component)),
        // The text encoder has been unloaded by then.
        false => {
            let [_, resident @ ..] = Component::ALL;
            resident.map(held).iter().sum::<f64>() + most(&call)
        }
    }
}

fn higher(one: Peak, other: Peak) -> Peak {
    if one.bytes >= other.bytes { one } else { other }
}
