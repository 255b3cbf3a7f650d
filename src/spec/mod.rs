//! What the user wrote: TOML text to a [`SweepSpec`], which is valid by construction.

mod captions;
mod error;
mod fault;
mod keys;
mod number;
mod overrides;
mod path;
mod raw;
mod read;
mod runtime;
mod schema;
mod settings;
mod suggest;
mod tables;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod valid;

use std::path::PathBuf;

// Names of before the vocabulary; whoever imports takes them from there.
pub use crate::diffusion::{GuidanceMode, NoiseSource};
pub use crate::image::{Fit, Size};
pub use crate::vocabulary::{Parameter, Parameters, Scale};
pub use captions::Caption;
pub use error::{SpecError, SpecProblem};
pub use runtime::{ParseSettingError, RuntimeOverrides};
pub use schema::schema;
pub use settings::{
    Batch, CheckSpec, Device, MeasuresSpec, MemoryPolicy, Numerics, Runtime, SheetSpec, VaeTile,
};
pub use template::template;

use crate::vocabulary::SchedulerKind;

/// Most cells of a sweep, before exclusions.
pub const MAX_CELLS: u64 = 1_000_000;
/// Most denoising steps: the schedulers are trained with a thousand.
pub const MAX_STEPS: u32 = 1000;
/// Most threads on a CPU.
pub const MAX_THREADS: u32 = 1024;
/// Most of `runtime.memory_limit_mib`: 16 TiB.
pub const MAX_MEMORY_MIB: u32 = 1 << 24;
/// Sides of a sheet's cells, in pixels.
pub const CELL_SIDES: (u32, u32) = (32, 2048);
/// The smallest tile of the VAE, in pixels.
pub const MIN_TILE: u32 = 64;

/// A valid sweep. Every list is non-empty and without duplicates.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepSpec {
    /// Name of the run folder: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// The sweep file itself, copied into the run folder.
    pub text: String,
    /// Model folders.
    pub models: Vec<NamedPath>,
    /// Input images, globs expanded and sorted.
    pub images: Vec<NamedPath>,
    /// Instructions.
    pub instructions: Vec<String>,
    /// Negative prompts; `[""]` by default.
    pub negative_prompts: Vec<String>,
    /// Text guidance values; `[7.0]` by default.
    pub guidance_scales: Vec<Scale>,
    /// Image guidance values; `[1.5]` by default.
    pub image_guidance_scales: Vec<Scale>,
    /// Shares of the steps from which guidance acts; `[0.0]` by default.
    pub guidance_starts: Vec<Scale>,
    /// Shares of the steps up to which guidance acts; `[1.0]` by default.
    pub guidance_ends: Vec<Scale>,
    /// Seeds; `[0]` by default.
    pub seeds: Vec<u64>,
    /// Step counts; `[20]` by default.
    pub num_inference_steps: Vec<u32>,
    /// Schedulers; `None` is the model's own.
    pub schedulers: Vec<Option<SchedulerKind>>,
    /// Linked parameters, one axis; empty if the file has none.
    pub presets: Vec<Preset>,
    /// Model folders that presets name, none of them a value of `models` by that.
    pub preset_models: Vec<NamedPath>,
    /// Images that presets name, none of them a value of `images` by that.
    pub preset_images: Vec<NamedPath>,
    /// Cells to leave out.
    pub excludes: Vec<Overrides>,
    /// What images show before and after an instruction is followed.
    pub captions: Vec<Caption>,
    /// `[size]`.
    pub size: Size,
    /// `[runtime]`.
    pub runtime: Runtime,
    /// `[numerics]`.
    pub numerics: Numerics,
    /// `[measures]`.
    pub measures: MeasuresSpec,
    /// `[sheet]`.
    pub sheet: SheetSpec,
    /// `[check]`.
    pub check: CheckSpec,
}

/// A path as it is called in plans, labels and CSVs, and where it really is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamedPath {
    /// As written or matched, relative to the sweep file, with `/`.
    pub name: String,
    /// Joined with the sweep file's folder.
    pub path: PathBuf,
}

/// One `[[preset]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// Its value on the `preset` axis.
    pub name: String,
    /// What it sets.
    pub overrides: Overrides,
}

/// Values for some parameters: what a preset sets, or what an exclusion matches (all of them must match).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overrides {
    /// Model name.
    pub model: Option<String>,
    /// Image name.
    pub image: Option<String>,
    /// Instruction.
    pub instruction: Option<String>,
    /// Negative prompt.
    pub negative_prompt: Option<String>,
    /// Text guidance.
    pub guidance_scale: Option<Scale>,
    /// Image guidance.
    pub image_guidance_scale: Option<Scale>,
    /// Where guidance starts.
    pub guidance_start: Option<Scale>,
    /// Where guidance ends.
    pub guidance_end: Option<Scale>,
    /// Seed.
    pub seed: Option<u64>,
    /// Steps.
    pub num_inference_steps: Option<u32>,
    /// Scheduler.
    pub scheduler: Option<SchedulerKind>,
    /// Preset name (exclusions only).
    pub preset: Option<String>,
}
