//! What the user wrote: TOML text to a [`SweepSpec`], which is valid by construction.

mod captions;
mod checked;
mod definitions;
mod error;
mod fault;
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

/// Most cells of a sweep, before exclusions.
pub const MAX_CELLS: u64 = 1_000_000;
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
    /// The values of each parameter: what is typed, else its default, else none (a parameter that every preset sets, a
    /// scheduler that is the model's own). Of presets, their names.
    pub values: ByParameter<Vec<Value>>,
    /// Where the models and images are: those of `values`, then those that only presets name.
    pub files: ByParameter<Vec<NamedPath>>,
    /// What the masks are made of, in the order of `values`, then those of presets.
    pub masks: Vec<NamedMask>,
    /// What is not a mistake and yet may be a surprise.
    pub notes: Vec<String>,
    /// Those of [`Self::values`] that are typed, not defaults.
    pub typed: BTreeSet<Parameter>,
    /// How the first stage treats its masks.
    pub masking: Masking,
    /// The stages that follow the first, which is all the rest.
    pub then: Vec<StageSpec>,
    /// Linked parameters, one axis; empty if the file has none.
    pub presets: Vec<Preset>,
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
    /// `check.stages`: names of the stages that are held against a baseline; all where there are none.
    pub checked_stages: Vec<String>,
}

/// A stage that works on the images of the one before it.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSpec {
    /// Its name, if it is given one.
    pub name: Option<String>,
    /// As [`SweepSpec::values`]; without images, and with the models of the stage before where it names none.
    pub values: ByParameter<Vec<Value>>,
    /// Those that are typed.
    pub typed: BTreeSet<Parameter>,
    /// Whether each cell has the seed of the cell that it works on.
    pub same_seed: bool,
    /// How it treats its masks.
    pub masking: Masking,
}

/// A path as it is called in plans, labels and CSVs, and where it really is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamedPath {
    /// As written or matched, relative to the sweep file, with `/`.
    pub name: String,
    /// Joined with the sweep file's folder.
    pub path: PathBuf,
}

/// A mask as it is called in plans, labels and CSVs, and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedMask {
    /// [`MaskRecipe::name`].
    pub name: String,
    /// What it is made of.
    pub recipe: MaskRecipe,
    /// Where its file is, if it is made of one.
    pub path: Option<PathBuf>,
}

/// One `[[preset]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// Its value on the `preset` axis.
    pub name: String,
    /// What it sets.
    pub overrides: Overrides,
}
