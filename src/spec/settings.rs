//! What is not an axis: size, runtime, numerics and the look of sheets.

use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::NamedPath;
use crate::diffusion::{GuidanceMode, NoiseSource};
use crate::vocabulary::{Arithmetic, ExecutionDevice, Parameter};

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
    /// What a device may compute in.
    pub arithmetic: Arithmetic,
}

/// `runtime.device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// CUDA where it works, else the CPU.
    #[default]
    Auto,
    /// This one, or an error.
    Named(ExecutionDevice),
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
#[derive(Debug, Clone, PartialEq)]
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
    /// Other limits for cells of some instructions.
    pub tolerances: Vec<Tolerance>,
    /// Parts of images that are not judged.
    pub ignored: Vec<Ignore>,
}

/// `[[check.tolerance]]`: limits of one instruction; what it does not say is as `[check]` has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tolerance {
    /// The instruction.
    pub instruction: String,
    /// Most mean perceptual difference.
    pub perceptual_mean: Option<f64>,
    /// Most perceptual difference that 99 of 100 pixels may reach.
    pub perceptual_p99: Option<f64>,
    /// Least structural similarity.
    pub ssim: Option<f64>,
}

/// `[[check.ignore]]`: a part of images that is not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignore {
    /// The instruction whose cells it is for; all if absent.
    pub instruction: Option<String>,
    /// Which part.
    pub part: Ignored,
}

/// A part of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ignored {
    /// A box in pixels of the output; what lies beyond the image is of no account.
    Box {
        /// From the left.
        left: u32,
        /// From the top.
        top: u32,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// What is white in this file, brought to the output's size.
    Mask(NamedPath),
}

impl CheckSpec {
    /// What holds for cells of an instruction.
    pub fn of(&self, instruction: &str) -> Self {
        let mut spec = self.clone();
        let mut tolerances = self.tolerances.iter();
        if let Some(own) = tolerances.find(|tolerance| tolerance.instruction == instruction) {
            spec.perceptual_mean = own.perceptual_mean.unwrap_or(self.perceptual_mean);
            spec.perceptual_p99 = own.perceptual_p99.unwrap_or(self.perceptual_p99);
            spec.ssim = own.ssim.unwrap_or(self.ssim);
        }
        spec
    }

    /// What is not judged of cells of an instruction.
    pub fn ignored(&self, instruction: &str) -> Vec<&Ignored> {
        let of_it = self.ignored.iter().filter(|ignore| {
            let own = ignore.instruction.as_deref();
            own.is_none_or(|own| own == instruction)
        });
        of_it.map(|ignore| &ignore.part).collect()
    }
}

impl Default for CheckSpec {
    fn default() -> Self {
        Self {
            perceptual_mean: 0.1,
            perceptual_p99: 0.3,
            ssim: 0.999,
            latents: 0.0001,
            drift: 2.0,
            tolerances: Vec::new(),
            ignored: Vec::new(),
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
