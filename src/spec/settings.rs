//! What is not an axis: size, runtime, numerics and the look of sheets.

use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::NamedPath;
use crate::diffusion::{GuidanceMode, NoiseSource};
use crate::vocabulary::Parameter;

/// `[runtime]`: how cells run, never what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Runtime {
    /// Where inference runs.
    pub device: Device,
    /// CPU threads; 0 is the physical cores.
    pub threads: usize,
    /// How many components may be in memory at a time.
    pub memory: MemoryPolicy,
    /// Cells denoised together.
    pub batch: Batch,
    /// The most that ONNX Runtime's arena may take on the device, in MiB.
    pub memory_limit_mib: Option<NonZeroU32>,
}

/// `runtime.device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// CUDA where it works, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device of this index, or an error.
    Cuda(u32),
}

/// `runtime.memory`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemoryPolicy {
    /// Resident if the components fit, else phased.
    #[default]
    Auto,
    /// All components at once.
    Resident,
    /// One component at a time.
    Phased,
}

/// `runtime.batch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Batch {
    /// On the CPU 1, or more where latents are small; on a GPU as many as its memory suggests.
    #[default]
    Auto,
    /// This many cells.
    Cells(NonZeroU32),
}

/// `[numerics]`: what is computed; part of every cell's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Numerics {
    /// The generator whose seeds are reproduced.
    pub noise: NoiseSource,
    /// How the two scales act.
    pub guidance: GuidanceMode,
    /// In which tiles the VAE takes large images.
    #[serde(default, skip_serializing_if = "VaeTile::is_auto")]
    pub vae_tile: VaeTile,
}

/// `numerics.vae_tile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VaeTile {
    /// Tiles where a side is longer than 1024 pixels.
    #[default]
    Auto,
    /// Every image whole.
    Off,
    /// Tiles of at most this many pixels a side, where a side is longer.
    Pixels(NonZeroU32),
}

impl VaeTile {
    fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

/// `[measures]`: what is measured of finished cells beside the pixels; never changes a cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MeasuresSpec {
    /// A CLIP folder, as `ip2p export --clip` writes it.
    pub clip: Option<NamedPath>,
}

/// `[check]`: how far a cell may be from its baseline. The defaults were measured (docs/tolerances.md).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CheckSpec {
    /// Most mean perceptual difference; 1 is just noticeable.
    pub perceptual_mean: f64,
    /// Most perceptual difference that 99 of 100 pixels may reach.
    pub perceptual_p99: f64,
    /// Least structural similarity, 1 for equal images.
    pub ssim: f64,
    /// Most change of the statistics of the latents of the first two steps, in standard deviations;
    /// beyond it there is a warning.
    pub latents: f64,
    /// How many times as far a cell may be from the baseline of another environment class.
    pub drift: f64,
}

impl Default for CheckSpec {
    fn default() -> Self {
        Self {
            perceptual_mean: 0.1,
            perceptual_p99: 0.3,
            ssim: 0.999,
            latents: 0.0001,
            drift: 2.0,
        }
    }
}

/// `[sheet]`: the look of contact sheets. What is `None` is chosen from the axes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetSpec {
    /// Axis of the rows.
    pub rows: Option<Parameter>,
    /// Axis of the columns.
    pub columns: Option<Parameter>,
    /// Axis around the rows: each of its values repeats them.
    #[serde(default)]
    pub super_rows: Option<Parameter>,
    /// Axis around the columns.
    #[serde(default)]
    pub super_columns: Option<Parameter>,
    /// Axis shown within each cell as a sub-grid, usually the seed.
    #[serde(default)]
    pub merge: Option<Parameter>,
    /// Side of a cell's box in pixels.
    pub cell: NonZeroU32,
    /// Whether the input stands beside the grid.
    pub show_input: bool,
    /// A font file for characters that the embedded font lacks.
    #[serde(default)]
    pub font: Option<PathBuf>,
}

impl SheetSpec {
    /// Side of a cell's box where the sweep file does not say.
    pub const DEFAULT_CELL: NonZeroU32 = NonZeroU32::new(256).expect("256 is not zero");
}

impl Default for SheetSpec {
    fn default() -> Self {
        Self {
            rows: None,
            columns: None,
            super_rows: None,
            super_columns: None,
            merge: None,
            cell: Self::DEFAULT_CELL,
            show_input: true,
            font: None,
        }
    }
}
