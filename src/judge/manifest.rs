//! `manifest.json` of a baseline: which images were accepted for which cells, where, when and why.

use std::collections::{BTreeMap, HashSet};
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{EnvironmentClass, JudgeError};
use crate::image::Fit;
use crate::plan::{Cell, Plan};
use crate::spec::Numerics;
use crate::store::{Environment, read_file};
use crate::vocabulary::{LatentStatistics, Parameters, is_file_name};

/// The format that is written, which is also the latest that can be read.
pub const FORMAT: u32 = 1;
/// Its file name in the baseline's folder.
pub const MANIFEST: &str = "manifest.json";
/// The longest manifest in bytes; a million accepted images take about a gigabyte.
const LONGEST: u64 = 2 << 30;
/// The folder of the images.
pub(super) const IMAGES: &str = "cells";

/// The content of a baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the sweep.
    pub name: String,
    /// In the order of the plan last accepted; cells are identified by their parameters.
    pub cells: Vec<BaselineCell>,
}

/// The accepted images of one cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineCell {
    /// In a chain, the parameters of the cells it is made from, from the first stage on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<Parameters>,
    /// The cell's parameters, without the image if that is another cell's.
    pub parameters: Parameters,
    /// What else its pixels follow from.
    pub subject: Subject,
    /// At least one image, and at most one for each environment class.
    pub accepted: Vec<Accepted>,
}

/// What the pixels of a cell follow from besides its parameters and the model. If this changes, the accepted images no
/// longer apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// SHA-256 of the input image's file (in a chain, that of the first stage), in hexadecimal.
    pub image_sha256: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// How the image was fitted to this size.
    pub fit: Fit,
    /// The numerical settings.
    pub numerics: Numerics,
    /// The masks on the path to the cell: how each is made, and how its stage treats it. Baselines of earlier versions
    /// have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masks: Vec<String>,
}

impl Subject {
    /// Whether the pixels follow from the same things, as far as both sides know them.
    pub fn is_that_of(&self, other: &Self) -> bool {
        // Every field is named, so that a new one does not compile until it is decided whether pixels follow from it.
        let Self {
            image_sha256,
            width,
            height,
            fit,
            numerics,
            masks,
        } = self;
        let masks_are_known = !masks.is_empty() && !other.masks.is_empty();
        (image_sha256, width, height) == (&other.image_sha256, &other.width, &other.height)
            && (fit, numerics) == (&other.fit, &other.numerics)
            && (*masks == other.masks || !masks_are_known)
    }

    /// The subject of a cell.
    pub fn of(plan: &Plan, cell: &Cell) -> Self {
        let path = plan.ancestors(cell);
        let first = path.first().copied().unwrap_or(cell);
        let image = plan.image(&first.parameters.image);
        let masked = path.into_iter().chain([cell]);
        let masks = masked.filter_map(|cell| {
            let mask = plan.mask(&cell.parameters.mask)?;
            let masking = plan.stages.get(cell.stage).map(|stage| stage.masking);
            Some(serde_json::json!([mask.sha256, mask.recipe, masking]).to_string())
        });
        Self {
            masks: masks.collect(),
            image_sha256: image.map(|image| image.sha256.clone()).unwrap_or_default(),
            width: cell.width,
            height: cell.height,
            fit: plan.fit,
            numerics: plan.numerics_of(cell),
        }
    }
}

/// One accepted image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// The environment class for which it was accepted.
    pub class: EnvironmentClass,
    /// The PNG, relative to the baseline's folder; classes with equal pixels share it.
    pub file: String,
    /// SHA-256 of size and pixels, in hexadecimal.
    pub pixels_sha256: String,
    /// SHA-256 over the files of the model, in hexadecimal.
    pub model_sha256: String,
    /// SHA-256 of each of these files, by name; empty if accepted by an earlier version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub model_files: BTreeMap<String, String>,
    /// The environment it was made in.
    pub environment: Environment,
    /// Mean absolute difference from the fitted input, 0 to 1.
    pub image_change: Option<f64>,
    /// Statistics of the latents after the first steps.
    pub first_latents: Vec<LatentStatistics>,
    /// When it was accepted, UTC.
    pub accepted: jiff::Timestamp,
    /// Why it was accepted, if a reason was given.
    pub reason: Option<String>,
}

impl Manifest {
    /// A manifest without cells.
    pub(super) fn empty(name: &str) -> Self {
        Self {
            format: FORMAT,
            name: name.to_owned(),
            cells: Vec::new(),
        }
    }

    /// Reads the manifest of a baseline's folder; `None` if there is none.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, JudgeError> {
        let path = folder.join(MANIFEST);
        let text = match read_file(&path, LONGEST) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(JudgeError::read(&path)(error)),
        };
        Self::parse(&text, &path).map(Some)
    }

    /// Parses the text of a manifest; `path` is for errors.
    pub(super) fn parse(text: &[u8], path: &Path) -> Result<Self, JudgeError> {
        let malformed = |reason: String| JudgeError::Malformed {
            path: path.to_owned(),
            reason,
        };
        // The format is checked first, because a newer one may have another structure.
        let value: serde_json::Value =
            serde_json::from_slice(text).map_err(|error| malformed(error.to_string()))?;
        let format = value.get("format").and_then(serde_json::Value::as_u64);
        let found = format.ok_or_else(|| malformed("it has no format number".to_owned()))?;
        if found > u64::from(FORMAT) {
            return Err(JudgeError::NewerFormat {
                path: path.to_owned(),
                found,
                known: FORMAT,
            });
        }
        // Parsed again from the text, because a parsed value has no line numbers for errors.
        let manifest: Self =
            serde_json::from_slice(text).map_err(|error| malformed(error.to_string()))?;
        match manifest.fault() {
            Some(fault) => Err(malformed(fault)),
            None => Ok(manifest),
        }
    }

    /// What contradicts itself or would lead out of the folder, if anything.
    fn fault(&self) -> Option<String> {
        if self.format == 0 {
            return Some("there is no format 0".to_owned());
        }
        let mut cells = HashSet::new();
        for (number, cell) in self.cells.iter().enumerate() {
            if !cells.insert((&cell.path, &cell.parameters)) {
                return Some(format!("cell {} is there twice", number + 1));
            }
            if cell.accepted.is_empty() {
                return Some(format!("cell {} has no accepted image", number + 1));
            }
            let mut classes = HashSet::new();
            for accepted in &cell.accepted {
                if !classes.insert(&accepted.class) {
                    return Some(format!(
                        "cell {} has two images for {}",
                        number + 1,
                        accepted.class
                    ));
                }
                if !is_image_name(&accepted.file) {
                    return Some(format!("{:?} is not an image of a baseline", accepted.file));
                }
            }
        }
        None
    }
}

/// Whether it has the form `cells/NAME.png`, with a name that cannot lead elsewhere.
pub(super) fn is_image_name(file: &str) -> bool {
    let stem = file
        .strip_prefix("cells/")
        .and_then(|name| name.strip_suffix(".png"));
    stem.is_some_and(is_file_name)
}
