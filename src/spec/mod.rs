//! What the user wrote: turns TOML text into a [`SweepSpec`], which is valid by construction.

mod captions;
mod checked;
mod definitions;
mod error;
mod fault;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod keys;
mod masks;
mod number;
mod overrides;
mod path;
mod pattern;
mod raw;
mod read;
mod runtime;
mod schema;
mod settings;
mod stages;
mod suggest;
mod syntax;
mod tables;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod valid;
mod values;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::image::{MaskRecipe, Size};
use crate::pipeline::Masking;
use crate::vocabulary::{ByParameter, Parameter, Value};

pub use captions::Caption;
pub use error::{Excerpt, SpecError, SpecProblem};
pub use overrides::Overrides;
pub use runtime::{ParseSettingError, RuntimeOverrides};
pub use schema::schema;
pub use settings::{
    Batch, CheckSpec, Device, Ignore, Ignored, MeasuresSpec, MemoryPolicy, Numerics, Runtime,
    SheetSpec, Tolerance, VaeTile,
};
pub use template::{chain_template, template};

/// The most cells of a sweep, before exclusions.
pub const MAX_CELLS: u64 = 1_000_000;
/// The most threads on a CPU.
pub const MAX_THREADS: u32 = 1024;
/// The largest `runtime.memory_limit_mib`: 16 TiB.
pub const MAX_MEMORY_MIB: u32 = 1 << 24;
/// Smallest and largest side of a sheet's cells, in pixels.
pub const CELL_SIDES: (u32, u32) = (32, 2048);
/// The smallest tile of the VAE, in pixels.
pub const MIN_TILE: u32 = 64;

/// A valid sweep. Lists of values are non-empty and without duplicates.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepSpec {
    /// Name of the run folder: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// The sweep file itself, copied into the run folder.
    pub text: String,
    /// The values of each parameter: those given, or else its default. None for a parameter that every preset sets, and
    /// for a scheduler that is left to the model. For `preset` the names of the presets.
    pub values: ByParameter<Vec<Value>>,
    /// The paths of models and images: those in `values`, then those that only presets name.
    pub files: ByParameter<Vec<NamedPath>>,
    /// How each mask is made: those in `values`, then those of presets.
    pub masks: Vec<NamedMask>,
    /// Notes on what is not a mistake but may surprise the user.
    pub notes: Vec<String>,
    /// The parameters that the sweep file sets, as opposed to defaults.
    pub typed: BTreeSet<Parameter>,
    /// How the first stage treats its masks.
    pub masking: Masking,
    /// The stages after the first; everything else here describes the first.
    pub then: Vec<StageSpec>,
    /// The presets, which link parameters into one axis; empty if the file has none.
    pub presets: Vec<Preset>,
    /// The exclusions: cells to leave out.
    pub excludes: Vec<Overrides>,
    /// Captions of images before and after an edit.
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
    /// `check.stages`: names of the stages that are checked against a baseline; empty for all.
    pub checked_stages: Vec<String>,
}

/// A stage that works on the images of the one before it.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSpec {
    /// Its name, if the sweep file gives one.
    pub name: Option<String>,
    /// As in [`SweepSpec::values`], but without images, and with the models of the previous stage if it names none.
    pub values: ByParameter<Vec<Value>>,
    /// The parameters that the sweep file sets for it.
    pub typed: BTreeSet<Parameter>,
    /// Whether each cell uses the seed of the cell it works on (`seed = "same"`).
    pub same_seed: bool,
    /// How it treats its masks.
    pub masking: Masking,
}

/// A path: its name in plans, labels and tables, and its real location.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamedPath {
    /// The path as written or matched, relative to the sweep file, with `/`.
    pub name: String,
    /// The path joined with the sweep file's folder.
    pub path: PathBuf,
}

/// A mask: its name in plans, labels and tables, and how it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedMask {
    /// [`MaskRecipe::name`].
    pub name: String,
    /// How it is made.
    pub recipe: MaskRecipe,
    /// The real location of its file, if it is made from one.
    pub path: Option<PathBuf>,
}

/// One `[[preset]]` table.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// Its value on the `preset` axis.
    pub name: String,
    /// What it sets.
    pub overrides: Overrides,
}
