//! The inputs of a run as its models saw them. Sheets, report and measures use these, whatever becomes of the images
//! that the sweep file names.

use std::io;
use std::path::Path;

use image::RgbImage;

use super::{StoreError, files, images, png};
use crate::image::Mask;
use crate::plan::{Fitted, FittedMask, Plan};

/// The folder of the inputs in the run folder.
pub(super) const FOLDER: &str = "inputs";

/// The inputs of a plan in a run folder.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    folder: &'a Path,
    plan: &'a Plan,
}

/// An input that should be in the run folder but is missing or damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("the run folder lacks {file}")]
#[diagnostic(help(
    "delete it if it is there and damaged, and run the sweep again: it makes the inputs that its folder lacks"
))]
pub struct MissingInput {
    /// The file, relative to the run folder.
    pub file: String,
}

impl<'a> Inputs<'a> {
    /// The inputs of a plan in a run folder.
    pub fn of(plan: &'a Plan, folder: &'a Path) -> Self {
        Self { folder, plan }
    }

    /// The file of an input, relative to the run folder.
    ///
    /// # Errors
    /// If it is missing or truncated.
    pub fn find(&self, fitted: Fitted) -> Result<String, MissingInput> {
        let file = self.plan.input_path(fitted);
        let size = (fitted.width, fitted.height);
        match images::read_whole(&self.folder.join(&file), size) {
            Ok(_) => Ok(file),
            Err(_) => Err(MissingInput { file }),
        }
    }

    /// The pixels of an input.
    ///
    /// # Errors
    /// If it is missing or damaged.
    pub fn read(&self, fitted: Fitted) -> Result<RgbImage, MissingInput> {
        let file = self.plan.input_path(fitted);
        let size = (fitted.width, fitted.height);
        images::read_whole(&self.folder.join(&file), size).map_err(|_| MissingInput { file })
    }

    /// Writes an input unless these very pixels are already there. The folder must exist.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn keep(&self, fitted: Fitted, image: &RgbImage) -> Result<(), StoreError> {
        let path = self.folder.join(self.plan.input_path(fitted));
        let bytes = png::encode_input(image, self.plan, fitted)
            .map_err(|error| StoreError::write(&path)(io::Error::other(error)))?;
        files::update(&path, &bytes)
    }

    /// The file of a mask, relative to the run folder, if it exists and is complete.
    pub fn find_mask(&self, fitted: FittedMask) -> Option<String> {
        let file = self.plan.mask_path(fitted);
        let size = (fitted.width, fitted.height);
        let whole = images::read_whole(&self.folder.join(&file), size);
        whole.is_ok().then_some(file)
    }

    /// Puts a mask in place as it lies, complete, in another run folder of the same plan; says whether it was there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn take_mask(&self, fitted: FittedMask, from: &Self) -> Result<bool, StoreError> {
        let Some(file) = from.find_mask(fitted) else {
            return Ok(false);
        };
        let bytes = images::read_file(&from.folder.join(&file))?;
        files::update(&self.folder.join(&file), &bytes).map(|()| true)
    }

    /// Writes a mask unless these very levels are already there. The folder must exist.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn keep_mask(&self, fitted: FittedMask, mask: &Mask) -> Result<(), StoreError> {
        let path = self.folder.join(self.plan.mask_path(fitted));
        let bytes = png::encode_mask(mask.levels(), fitted)
            .map_err(|error| StoreError::write(&path)(io::Error::other(error)))?;
        files::update(&path, &bytes)
    }
}
