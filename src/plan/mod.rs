//! From what is wanted to what will be done: a [`crate::spec::SweepSpec`] becomes a [`Plan`] of cells.
//!
//! Everything here is pure; what must be read from disk (digests, image sizes, the models' own settings) is passed in
//! as [`ImageEntry`] and [`ModelEntry`].

mod axes;
mod build;
mod cell;
mod cut;
mod draft;
mod error;
mod grid;
mod guidance;
mod identity;
mod input;
mod lookup;
mod mask;
mod name;
mod pixels;
mod schedule;
mod scope;
mod shard;
mod stage;
mod tiles;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use build::PlanFiles;
pub(crate) use build::images_of_cells;
pub use cell::Cell;
pub use cut::Cut;
pub use error::PlanError;
pub use guidance::{Condition, Conditions, Guidance, Phase};
pub use input::Fitted;
pub use lookup::ByName;
pub use mask::{FittedMask, MaskEntry};
pub use schedule::{CellWork, Group, ModelWork, Sampling, Schedule, Start, UnetRows};
use serde::{Deserialize, Serialize};
pub use shard::{ParseShardError, Shard};
pub use stage::Stage;
pub use tiles::{Tiles, Tiling};

use crate::image::Fit;
use crate::pipeline::Family;
use crate::spec::{Numerics, SheetSpec};
use crate::vocabulary::{CellKey, Parameter, SchedulerKind};

/// All cells in order, with everything resolved. `plan.json` in the run folder holds this and the environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the sweep.
    pub name: String,
    /// The stages in the order they run; the first works on the images of the sweep file.
    #[serde(
        default = "Stage::one_edit",
        skip_serializing_if = "Stage::are_one_edit"
    )]
    pub stages: Vec<Stage>,
    /// Parameters with more than one value, in nesting order, slowest first.
    pub axes: Vec<Axis>,
    /// Model folders, in the order of the sweep file.
    pub models: Vec<ModelEntry>,
    /// Images, in the order of the sweep file.
    pub images: Vec<ImageEntry>,
    /// Masks, in the order of the sweep file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masks: Vec<MaskEntry>,
    /// The numerical settings.
    pub numerics: Numerics,
    /// How images are fitted to the size of the cells.
    pub fit: Fit,
    /// The longest side that the sweep file asks for, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<u32>,
    /// Names of the stages that are checked against a baseline; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checked_stages: Vec<String>,
    /// Appearance of the sheets.
    pub sheet: SheetSpec,
    /// The cells in the order they run.
    pub cells: Vec<Cell>,
    /// Finds images and masks by their names, and cells by their keys.
    #[serde(skip)]
    pub by_name: ByName,
}

/// A parameter with more than one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// The parameter.
    pub parameter: Parameter,
    /// Its values as text ([`crate::vocabulary::Parameters::text`]), in the order of the sweep file.
    pub values: Vec<String>,
}

/// What a plan needs to know of an input image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageEntry {
    /// Its name in cells.
    pub name: String,
    /// Where it was read from.
    pub path: PathBuf,
    /// SHA-256 of the file, or of the recipe of the cell whose image it is; in hexadecimal.
    pub sha256: String,
    /// The cell of an earlier stage whose image it is, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<CellKey>,
    /// Width in pixels, after EXIF orientation.
    pub width: u32,
    /// Height in pixels, after EXIF orientation.
    pub height: u32,
    /// Whether its colours are converted to sRGB, which changes its pixels.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub converted: bool,
}

/// What a plan needs to know of a model folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelEntry {
    /// Its name in cells.
    pub name: String,
    /// Where it was read from.
    pub path: PathBuf,
    /// SHA-256 over all files that can change a pixel, in hexadecimal.
    pub sha256: String,
    /// SHA-256 of each of these files, by name in the folder; empty in plans of earlier versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// What the model is for.
    #[serde(default, skip_serializing_if = "Family::is_instruct_pix2pix")]
    pub family: Family,
    /// The longest side that the model was made for, in pixels.
    pub resolution: u32,
    /// Image pixels per latent pixel along one side.
    pub vae_factor: u32,
    /// Sides must be multiples of this: the VAE factor times 2^(UNet levels - 1).
    pub size_multiple: u32,
    /// The smaller multiple that its UNet also accepts, if there is one; used with `fit` `floor` and `exact`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_multiple: Option<u32>,
    /// The scheduler of its `scheduler_config.json`; if that names none that is known, one of the sweep file.
    pub scheduler: SchedulerKind,
    /// `fp32` or `fp16`: the type of the UNet's weights as stored or, if they are mixed, of its inputs.
    pub precision: String,
    /// Sizes of the four component files in bytes: text encoder, VAE encoder, UNet, VAE decoder.
    pub component_bytes: [u64; 4],
}

impl ModelEntry {
    /// What both sides of an output must be multiples of under a fitting rule. `crop` rounds as the original repository
    /// does, even if the model would take more, so that its pixels never change.
    pub fn multiple(&self, fit: Fit) -> u32 {
        match fit {
            Fit::Crop => self.size_multiple,
            Fit::Floor | Fit::Exact { .. } => self.accepted_multiple.unwrap_or(self.size_multiple),
        }
    }
}
