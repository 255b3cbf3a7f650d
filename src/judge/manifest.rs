//! `manifest.json` of a baseline: which images were accepted for which cells, where and why.

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

/// The format that is written, and the latest that is read.
pub const FORMAT: u32 = 1;
/// Its name in the baseline's folder.
pub const MANIFEST: &str = "manifest.json";
/// A million accepted images have a gigabyte of it.
const LONGEST: u64 = 2 << 30;
/// The folder of images.
pub(super) const IMAGES: &str = "cells";

/// What a baseline holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the sweep.
    pub name: String,
    /// In the order of the plan that was accepted last; cells are told apart by their parameters.
    pub cells: Vec<BaselineCell>,
}

/// What was accepted for one cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineCell {
    /// Of a chain, the parameters of the cells that it is made of, from the first stage on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<Parameters>,
    /// What the cell is known by; without the image where that is another cell's.
    pub parameters: Parameters,
    /// What else its pixels follow from.
    pub subject: Subject,
    /// At most one for each environment class, at least one.
    pub accepted: Vec<Accepted>,
}

/// What the pixels of a cell follow from besides its parameters and the model: if it changes, the
/// baseline is of something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// SHA-256 of the file of the input image, of a chain that of its first stage, in hexadecimal.
    pub image_sha256: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// How the image was brought to this size.
    pub fit: Fit,
    /// What is computed.
    pub numerics: Numerics,
    /// The masks on the path to the cell: what each is made of, and how its stage treats it. Baselines of earlier
    /// versions have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masks: Vec<String>,
}

impl Subject {
    /// Whether the pixels follow from the same, as far as both know it.
    pub fn is_that_of(&self, other: &Self) -> bool {
        // Every field is named: whether pixels follow from a new one is to be decided here.
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

    /// That of a cell.
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
    /// Where it holds.
    pub class: EnvironmentClass,
    /// The PNG, relative to the baseline's folder; classes with equal pixels share it.
    pub file: String,
    /// SHA-256 of size and pixels, in hexadecimal.
    pub pixels_sha256: String,
    /// SHA-256 over the files of the model, in hexadecimal.
    pub model_sha256: String,
    /// SHA-256 of each of them, by their names; empty where an earlier version accepted it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub model_files: BTreeMap<String, String>,
    /// What it was made with.
    pub environment: Environment,
    /// Mean absolute difference to the fitted input, 0 to 1.
    pub image_change: Option<f64>,
    /// The latents after the first steps.
    pub first_latents: Vec<LatentStatistics>,
    /// When it was accepted, UTC.
    pub accepted: jiff::Timestamp,
    /// Why, if that was said.
    pub reason: Option<String>,
}

impl Manifest {
    /// One without cells.
    pub(super) fn empty(name: &str) -> Self {
        Self {
            format: FORMAT,
            name: name.to_owned(),
            cells: Vec::new(),
        }
    }

    /// Reads the manifest of a baseline's folder; there may be none.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, JudgeError> {
        let path = folder.join(MANIFEST);
        let text = match read_file(&path, LONGEST) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(JudgeError::read(&path)(error)),
        };
        Self::parse(&text, &path).map(Some)
    }

    /// What the text of a manifest holds; `path` is for errors.
    pub(super) fn parse(text: &[u8], path: &Path) -> Result<Self, JudgeError> {
        let malformed = |reason: String| JudgeError::Malformed {
            path: path.to_owned(),
            reason,
        };
        // The format is looked at first: a newer one may have another shape.
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
        // From the text again, since a value knows no lines.
        let manifest: Self =
            serde_json::from_slice(text).map_err(|error| malformed(error.to_string()))?;
        match manifest.fault() {
            Some(fault) => Err(malformed(fault)),
            None => Ok(manifest),
        }
    }

    /// What contradicts itself, or would lead out of the folder.
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

/// `cells/NAME.png`, where the name cannot lead elsewhere.
pub(super) fn is_image_name(file: &str) -> bool {
    let stem = file
        .strip_prefix("cells/")
        .and_then(|name| name.strip_suffix(".png"));
    stem.is_some_and(is_file_name)
}
