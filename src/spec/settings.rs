//! The settings that are not axes: size, runtime, numerics and the appearance of sheets.

use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::NamedPath;
use crate::diffusion::{GuidanceMode, NoiseSource};
use crate::vocabulary::{Arithmetic, ExecutionDevice, Parameter};

/// `[runtime]`: how cells are computed, never what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Runtime {
    /// Where inference runs.
    pub device: Device,
    /// Number of CPU threads; 0 stands for the number of physical cores.
    pub threads: usize,
    /// Whether all components are kept in memory at once.
    pub memory: MemoryPolicy,
    /// Cells denoised together.
    pub batch: Batch,
    /// The most memory that ONNX Runtime's arena may take on the device, in MiB.
    pub memory_limit_mib: Option<NonZeroU32>,
    /// Lower-precision number formats that a device may compute in.
    pub arithmetic: Arithmetic,
}

/// `runtime.device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// CUDA if it works, otherwise the CPU.
    #[default]
    Auto,
    /// This device; an error if it does not work.
    Named(ExecutionDevice),
}

/// `runtime.memory`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemoryPolicy {
    /// Resident if the components fit into memory, otherwise phased.
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
    /// On the CPU 1, or more if latents are small; on a GPU as many as its memory suggests.
    #[default]
    Auto,
    /// This many cells.
    Cells(NonZeroU32),
}

/// `[numerics]`: settings that change pixels, and so are part of every cell's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Numerics {
    /// The random number generator whose seeds are reproduced.
    pub noise: NoiseSource,
    /// How the two guidance scales act.
    pub guidance: GuidanceMode,
    /// Whether and how the VAE processes large images in tiles.
    #[serde(default, skip_serializing_if = "VaeTile::is_auto")]
    pub vae_tile: VaeTile,
}

/// `numerics.vae_tile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VaeTile {
    /// Tiles if a side is longer than 1024 pixels.
    #[default]
    Auto,
    /// Every image as a whole.
    Off,
    /// Tiles of at most this many pixels a side, if a side is longer.
    Pixels(NonZeroU32),
}

impl VaeTile {
    fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

/// `[measures]`: further measures of finished cells; they never change a cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MeasuresSpec {
    /// A CLIP folder, as `ip2p export --clip` writes it.
    pub clip: Option<NamedPath>,
}

/// `[check]`: how far a cell may differ from its baseline. The defaults were measured (docs/tolerances.md).
#[derive(Debug, Clone, PartialEq)]
pub struct CheckSpec {
    /// The largest mean perceptual difference; 1 is just noticeable.
    pub perceptual_mean: f64,
    /// The largest 99th percentile of the perceptual difference over pixels.
    pub perceptual_p99: f64,
    /// The smallest structural similarity; 1 means equal images.
    pub ssim: f64,
    /// The largest change of the latents' statistics in the first two steps, in standard deviations; beyond it there is
    /// a warning.
    pub latents: f64,
    /// The factor by which limits are multiplied for a baseline from another environment class.
    pub drift: f64,
    /// Other limits for cells with certain instructions.
    pub tolerances: Vec<Tolerance>,
    /// Parts of images that are not judged.
    pub ignored: Vec<Ignore>,
}

/// `[[check.tolerance]]`: limits for one instruction; what is `None` is as in `[check]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tolerance {
    /// The instruction.
    pub instruction: String,
    /// The largest mean perceptual difference.
    pub perceptual_mean: Option<f64>,
    /// The largest 99th percentile of the perceptual difference over pixels.
    pub perceptual_p99: Option<f64>,
    /// The smallest structural similarity.
    pub ssim: Option<f64>,
}

/// `[[check.ignore]]`: a part of images that is not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignore {
    /// The instruction whose cells it applies to; `None` for all.
    pub instruction: Option<String>,
    /// The part that is not judged.
    pub part: Ignored,
}

/// A part of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ignored {
    /// A box in pixels of the output; what lies beyond the image is ignored.
    Box {
        /// Distance from the left edge.
        left: u32,
        /// Distance from the top edge.
        top: u32,
        /// Width.
        width: u32,
        /// Height.
        height: u32,
    },
    /// The white part of this mask file, scaled to the output's size.
    Mask(NamedPath),
}

impl CheckSpec {
    /// The limits for cells with an instruction.
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

    /// The mask files of all parts that are not judged.
    pub fn masks(&self) -> impl Iterator<Item = &NamedPath> {
        self.ignored.iter().filter_map(|ignore| match &ignore.part {
            Ignored::Mask(named) => Some(named),
            Ignored::Box { .. } => None,
        })
    }

    /// The parts not judged in cells with an instruction.
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

/// `[sheet]`: the appearance of contact sheets. Axes that are `None` are chosen automatically.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetSpec {
    /// Axis of the rows.
    pub rows: Option<Parameter>,
    /// Axis of the columns.
    pub columns: Option<Parameter>,
    /// Axis around the rows: the rows are repeated for each of its values.
    #[serde(default)]
    pub super_rows: Option<Parameter>,
    /// Axis around the columns: the columns are repeated for each of its values.
    #[serde(default)]
    pub super_columns: Option<Parameter>,
    /// Axis shown within each cell as a sub-grid, usually the seed.
    #[serde(default)]
    pub merge: Option<Parameter>,
    /// Axes of the panels, outer ones first, which stand nowhere else; axes that have no place become panels, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub panels: Vec<Parameter>,
    /// Side of a cell's box in pixels.
    pub cell: NonZeroU32,
    /// Whether the input is shown beside the grid.
    pub show_input: bool,
    /// A font file for characters that the embedded font lacks.
    #[serde(default)]
    pub font: Option<PathBuf>,
}

impl SheetSpec {
    /// The default side of a cell's box, in pixels.
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
            panels: Vec::new(),
            cell: Self::DEFAULT_CELL,
            show_input: true,
            font: None,
        }
    }
}
