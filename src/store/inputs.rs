//! The inputs of a run as its models saw them: what sheets, report and measures show and compare with, whatever becomes
//! of the images that the sweep file names.

use std::io;
use std::path::Path;

use image::RgbImage;

use super::{StoreError, files, images, png};
use crate::image::Mask;
use crate::plan::{Fitted, FittedMask, Plan};

/// Their folder in the run folder.
pub(super) const FOLDER: &str = "inputs";

/// The inputs of a plan in a run folder.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    folder: &'a Path,
    plan: &'a Plan,
}

/// An input that a run folder should hold and does not, or not whole.
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
    /// Those of a plan in a run folder.
    pub fn of(plan: &'a Plan, folder: &'a Path) -> Self {
        Self { folder, plan }
    }

    /// The file of an input, relative to the run folder.
    ///
    /// # Errors
    /// If it is not there, or not whole.
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
    /// If it is not there, or damaged.
    pub fn read(&self, fitted: Fitted) -> Result<RgbImage, MissingInput> {
        let file = self.plan.input_path(fitted);
        let size = (fitted.width, fitted.height);
        images::read_whole(&self.folder.join(&file), size).map_err(|_| MissingInput { file })
    }

    /// Writes an input, unless just these pixels are there. The folder must be there.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn keep(&self, fitted: Fitted, image: &RgbImage) -> Result<(), StoreError> {
        let path = self.folder.join(self.plan.input_path(fitted));
        let bytes = png::encode_input(image, self.plan, fitted)
            .map_err(|error| StoreError::write(&path)(io::Error::other(error)))?;
        files::update(&path, &bytes)
    }

    /// The file of a mask, relative to the run folder, if it is there whole.
    pub fn find_mask(&self, fitted: FittedMask) -> Option<String> {
        let file = self.plan.mask_path(fitted);
        let size = (fitted.width, fitted.height);
        let whole = images::read_whole(&self.folder.join(&file), size);
        whole.is_ok().then_some(file)
    }

    /// Writes a mask, unless just these levels are there. The folder must be there.
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
