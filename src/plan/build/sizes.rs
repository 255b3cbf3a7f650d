//! The sizes of outputs.

use std::collections::HashMap;

use super::cells::Inputs;
use crate::image::{Size, fit_size};
use crate::plan::{ImageEntry, ModelEntry, PlanError};
use crate::vocabulary::Parameters;

/// Output width and height by the name of the model and then of the image; the image's name is empty if there is none.
#[derive(Debug, Default)]
pub(super) struct Sizes(HashMap<String, HashMap<String, (u32, u32)>>);

impl Sizes {
    /// The output size of every pair of model and image, or of every model if cells start from no image.
    pub fn fitted(
        size: Size,
        models: &[ModelEntry],
        images: &[ImageEntry],
        alone: bool,
    ) -> Result<Self, PlanError> {
        let mut sizes = Self::default();
        for model in models {
            let fit = |width, height| {
                let (resolution, factor) = (model.resolution, model.vae_factor);
                let multiple = model.multiple(size.fit);
                fit_size(width, height, &size, resolution, factor, multiple)
            };
            for image in images {
                let fitted = fit(image.width, image.height).map_err(|source| PlanError::Fit {
                    image: image.name.clone(),
                    model: model.name.clone(),
                    source,
                })?;
                sizes.set(&model.name, &image.name, fitted);
            }
            if alone {
                // A square, unless the sweep file says otherwise.
                let side = size.resolution.unwrap_or(model.resolution);
                let fitted = fit(side, side).map_err(|source| PlanError::Size {
                    model: model.name.clone(),
                    source,
                })?;
                sizes.set(&model.name, "", fitted);
            }
        }
        Ok(sizes)
    }

    /// The sizes of a later stage's cells: those of the images they work on.
    pub fn of_inputs(
        stage: &str,
        points: &[Parameters],
        models: &[ModelEntry],
        inputs: &Inputs,
    ) -> Result<Self, PlanError> {
        let mut sizes = Self::default();
        for point in points {
            let model = models.iter().find(|model| model.name == point.model);
            let (Some(input), Some(model)) = (inputs.get(&point.image), model) else {
                continue;
            };
            let multiple = model.accepted_multiple.unwrap_or(model.size_multiple);
            let (width, height) = (input.width, input.height);
            if width % multiple != 0 || height % multiple != 0 {
                return Err(PlanError::StageSize {
                    stage: stage.to_owned(),
                    model: model.name.clone(),
                    width,
                    height,
                    multiple,
                });
            }
            sizes.set(&model.name, &point.image, (width, height));
        }
        Ok(sizes)
    }

    /// The output size of a point.
    pub fn of(&self, point: &Parameters) -> (u32, u32) {
        self.0[point.model.as_str()][point.image.as_str()]
    }

    fn set(&mut self, model: &str, image: &str, size: (u32, u32)) {
        let sizes = self.0.entry(model.to_owned()).or_default();
        if !sizes.contains_key(image) {
            sizes.insert(image.to_owned(), size);
        }
    }
}
