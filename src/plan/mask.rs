//! The masks of a plan: what each is made from, and for which image and size.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::name::{slug, stem};
use super::pixels::input_hash;
use super::{Cell, Plan, PlanError, Stage, Start};
use crate::image::{MaskRecipe, MaskSource};
use crate::pipeline::Use;
use crate::spec::NamedMask;

/// What a plan needs to know of a mask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskEntry {
    /// Its name in cells.
    pub name: String,
    /// Where its file was read; empty if it is not made from a file.
    #[serde(default)]
    pub path: PathBuf,
    /// SHA-256 of the file in hexadecimal; empty if it is not made from a file.
    #[serde(default)]
    pub sha256: String,
    /// Width of the file in pixels, after EXIF orientation.
    #[serde(default)]
    pub width: u32,
    /// Height of the file in pixels, after EXIF orientation.
    #[serde(default)]
    pub height: u32,
    /// How it is made, unless it is simply a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<MaskRecipe>,
}

impl MaskEntry {
    /// A mask that is not made from a file.
    pub fn without_file(mask: &NamedMask) -> Self {
        Self {
            name: mask.name.clone(),
            path: PathBuf::new(),
            sha256: String::new(),
            width: 0,
            height: 0,
            recipe: Some(mask.recipe.clone()),
        }
    }

    /// A mask made from a file with this digest, width and height.
    pub fn of_file(mask: &NamedMask, path: PathBuf, sha256: String, sides: (u32, u32)) -> Self {
        let plain = MaskRecipe::plain(mask.recipe.source.clone());
        Self {
            path,
            sha256,
            width: sides.0,
            height: sides.1,
            recipe: Some(mask.recipe.clone()).filter(|recipe| *recipe != plain),
            ..Self::without_file(mask)
        }
    }

    /// How it is made.
    pub fn recipe(&self) -> MaskRecipe {
        let file = || MaskRecipe::plain(MaskSource::File(self.name.clone()));
        self.recipe.clone().unwrap_or_else(file)
    }

    /// Whether it differs from image to image.
    pub fn is_of_the_image(&self) -> bool {
        (self.recipe.as_ref()).is_some_and(MaskRecipe::is_of_the_image)
    }

    /// What can change the pixels of a stage's cell. Adjustments to a file count, its name does not; an earlier stage
    /// is identified by how far back it is, because its recipe is part of the recipe of the cell's input.
    pub(super) fn identity(&self, stages: &[Stage], stage: usize) -> serde_json::Value {
        let Some(MaskRecipe {
            source,
            invert,
            grow,
            blur,
        }) = &self.recipe
        else {
            // Masks that are simply files keep the hash they had before there were other masks.
            return json!(self.sha256);
        };
        let source = match source {
            MaskSource::File(_) => json!({ "sha256": self.sha256 }),
            MaskSource::Alpha => json!("alpha"),
            MaskSource::Changed { stage: name, above } => {
                let changed = stages.iter().position(|stage| stage.name == *name);
                let back = changed.map(|changed| stage.saturating_sub(changed));
                json!({ "changed": back, "above": above })
            }
        };
        json!({ "source": source, "invert": invert, "grow": grow, "blur": blur })
    }
}

/// A mask at a size, and for an image if the mask depends on it: cells with equal ones have the same mask pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FittedMask<'a> {
    /// Name of the mask.
    pub mask: &'a str,
    /// Name of the image, if the mask is made from it or from an edit of it.
    pub image: Option<&'a str>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Start {
    /// The mask of cells with this start, if they have one.
    pub fn mask<'a>(&self, plan: &'a Plan) -> Option<FittedMask<'a>> {
        let mask = &plan.masks[self.mask?];
        let image = self.image.filter(|_| mask.is_of_the_image());
        Some(FittedMask {
            mask: &mask.name,
            image: image.map(|image| plan.images[image].name.as_str()),
            width: self.sampling.width,
            height: self.sampling.height,
        })
    }
}

impl Plan {
    /// A mask by name. There is one for each cell that has a mask.
    pub fn mask(&self, name: &str) -> Option<&MaskEntry> {
        self.masks.get(self.place_of_mask(name)?)
    }

    /// The index of a mask in [`Plan::masks`], by its name; `None` for the empty name of cells without one.
    pub(super) fn place_of_mask(&self, name: &str) -> Option<usize> {
        let name = Some(name).filter(|name| !name.is_empty())?;
        let lookup = &self.by_name.masks;
        lookup.place(&self.masks, name, |mask| &mask.name)
    }

    /// The mask of a cell at its size, if it has one.
    pub fn mask_of<'a>(&'a self, cell: &'a Cell) -> Option<FittedMask<'a>> {
        let mask = self.mask(&cell.parameters.mask)?;
        let image = cell.parameters.image.as_str();
        Some(FittedMask {
            mask: &mask.name,
            image: mask.is_of_the_image().then_some(image),
            width: cell.width,
            height: cell.height,
        })
    }

    /// The file of a mask, relative to its run folder: a readable name and a short hash of everything that can change
    /// it.
    pub fn mask_path(&self, fitted: FittedMask) -> String {
        let FittedMask {
            mask,
            image,
            width,
            height,
        } = fitted;
        let entry = self.mask(mask);
        let of_image = image.and_then(|image| self.image(image));
        let content = json!([
            "mask",
            entry.map(|entry| (&entry.sha256, &entry.recipe)),
            of_image.map(|image| &image.sha256),
        ]);
        let hash = input_hash(&content.to_string(), self.fit, width, height);
        let name = slug(stem(mask));
        let dash = if name.is_empty() { "" } else { "-" };
        format!("inputs/mask-{name}{dash}{width}x{height}-{hash}.png")
    }

    /// Refuses masks that a stage cannot have: the transparency of an image that has none, and the changes made by a
    /// stage that does not exist or changes nothing.
    pub(super) fn check_mask(&self, name: &str, stage: &str) -> Result<(), PlanError> {
        let Some(recipe) = self.mask(name).and_then(|mask| mask.recipe.as_ref()) else {
            return Ok(());
        };
        let refuse = |reason: String| {
            Err(PlanError::Mask {
                stage: stage.to_owned(),
                mask: name.to_owned(),
                reason,
            })
        };
        let has_image = |stage: &Stage| stage.kind.pipeline().needs().image != Use::No;
        match &recipe.source {
            MaskSource::File(_) => Ok(()),
            MaskSource::Alpha => match self.stages.first() {
                Some(first) if !has_image(first) => {
                    refuse(format!("the first stage, {}, has no image", first.name))
                }
                _ => Ok(()),
            },
            MaskSource::Changed { stage: changed, .. } => {
                let mut stages = self.stages.iter();
                match stages.find(|stage| stage.name == *changed) {
                    Some(stage) if has_image(stage) => Ok(()),
                    Some(_) => refuse(format!("{changed} makes images and changes none")),
                    None if self.stages.is_empty() => refuse("no stage comes before".to_owned()),
                    None => {
                        let names = self.stages.iter().map(|stage| stage.name.as_str());
                        let names = names.collect::<Vec<_>>().join(", ");
                        refuse(format!(
                            "no stage before it is called {changed}: there is {names}"
                        ))
                    }
                }
            }
        }
    }
}
