//! A [`SweepSpec`] and what was read of its files become a [`Plan`].

use std::collections::{HashMap, HashSet};

use super::grid::grid;
use super::name::prefix;
use super::pixels::Hasher;
use super::{Axis, Cell, ImageEntry, ModelEntry, Plan, Stage};
use crate::image::{FitError, Size, fit_size};
use crate::pipeline::Kind;
use crate::spec::SweepSpec;
use crate::vocabulary::{CellKey, Parameter, Parameters, Scale};

/// Why a valid sweep file has no plan.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PlanError {
    /// The image cannot be brought to a size that the model takes.
    #[error("image {image} does not fit model {model}: {source}")]
    Fit {
        /// Name of the image.
        image: String,
        /// Name of the model.
        model: String,
        /// The rule that was broken.
        #[source]
        #[diagnostic_source]
        source: FitError,
    },
    /// Guidance would end before it starts.
    #[error("guidance_start is {start} where guidance_end is {end}: guidance would act at no step")]
    #[diagnostic(help(
        "guidance_start is the smaller; leave such cells out with [[exclude]], or both keys for guidance at every step"
    ))]
    Interval {
        /// Where it would start.
        start: Scale,
        /// Where it would end.
        end: Scale,
    },
    /// Exclusions match every cell.
    #[error("[[exclude]] leaves out {}", all(*cells))]
    #[diagnostic(help(
        "remove an [[exclude]] table, or add keys to it so that it matches fewer cells"
    ))]
    NothingLeft {
        /// Cells before the exclusions.
        cells: usize,
    },
}

/// Names of the images that some cell is of: exclusions may leave all cells of an image out.
pub(crate) fn images_of_cells(spec: &SweepSpec, models: &[ModelEntry]) -> HashSet<String> {
    if spec.excludes.is_empty() {
        let images = spec.files[Parameter::Image].iter();
        return images.map(|named| named.name.clone()).collect();
    }
    let cells = grid(spec, models).into_iter();
    let kept = cells.filter(|cell| is_kept(spec, cell));
    kept.map(|cell| cell.image).collect()
}

/// Whether no exclusion matches a cell.
fn is_kept(spec: &SweepSpec, cell: &Parameters) -> bool {
    !spec.excludes.iter().any(|rule| rule.match_all_of(cell))
}

fn all(cells: usize) -> String {
    match cells {
        1 => "the only cell".to_owned(),
        cells => format!("all {cells} cells"),
    }
}

impl Plan {
    /// Resolves every cell. `models` and `images` are in the order of the spec's lists;
    /// images that no cell is of may be left out.
    ///
    /// # Errors
    /// If an image does not fit a model, or nothing is left after the exclusions.
    pub fn new(
        spec: &SweepSpec,
        models: Vec<ModelEntry>,
        images: Vec<ImageEntry>,
    ) -> Result<Self, PlanError> {
        let sizes = fitted_sizes(spec.size, &models, &images)?;
        let grid = grid(spec, &models);
        let kept: Vec<Parameters> = grid
            .iter()
            .filter(|cell| is_kept(spec, cell))
            .cloned()
            .collect();
        if kept.is_empty() {
            return Err(PlanError::NothingLeft { cells: grid.len() });
        }
        let backwards = (kept.iter()).find(|cell| cell.guidance_start >= cell.guidance_end);
        if let Some(cell) = backwards {
            return Err(PlanError::Interval {
                start: cell.guidance_start,
                end: cell.guidance_end,
            });
        }
        let axes = axes(spec, &kept);
        let hasher = Hasher::new(&models, &images, spec.size.fit, spec.numerics);
        let cells = cells(kept, &axes, &hasher, &sizes);
        Ok(Self {
            name: spec.name.clone(),
            stages: vec![Stage::only(Kind::Edit)],
            axes,
            models,
            images,
            numerics: spec.numerics,
            fit: spec.size.fit,
            resolution: spec.size.resolution,
            sheet: spec.sheet.clone(),
            cells,
        })
    }
}

/// Width and height of the output, by names of model and image.
type Sizes = HashMap<(String, String), (u32, u32)>;

/// The output size of every pair of model and image.
fn fitted_sizes(
    size: Size,
    models: &[ModelEntry],
    images: &[ImageEntry],
) -> Result<Sizes, PlanError> {
    let mut sizes = HashMap::new();
    for model in models {
        for image in images {
            let fitted = fit_size(
                image.width,
                image.height,
                &size,
                model.resolution,
                model.vae_factor,
                model.multiple(size.fit),
            )
            .map_err(|source| PlanError::Fit {
                image: image.name.clone(),
                model: model.name.clone(),
                source,
            })?;
            sizes.insert((model.name.clone(), image.name.clone()), fitted);
        }
    }
    Ok(sizes)
}

/// Parameters with more than one value among the cells, values in order of appearance. What presets
/// link is shown by the preset's name and is no axis of its own.
fn axes(spec: &SweepSpec, cells: &[Parameters]) -> Vec<Axis> {
    let linked = |parameter: Parameter| {
        spec.presets
            .iter()
            .any(|preset| preset.overrides.get(parameter).is_some())
    };
    Parameter::ALL
        .into_iter()
        .filter(|&parameter| !linked(parameter))
        .map(|parameter| {
            let mut seen = HashSet::new();
            let values = cells
                .iter()
                .map(|cell| cell.text(parameter))
                .filter(|value| seen.insert(value.clone()))
                .collect();
            Axis { parameter, values }
        })
        .filter(|axis: &Axis| axis.values.len() > 1)
        .collect()
}

/// Names the cells and links each to the first one with the same pixels: presets that say the same, or
/// scales without effect where `guidance = "diffusers"` switches guidance off.
fn cells(grid: Vec<Parameters>, axes: &[Axis], hasher: &Hasher, sizes: &Sizes) -> Vec<Cell> {
    let mut first_of_hash: HashMap<String, CellKey> = HashMap::new();
    let mut taken = HashSet::new();
    grid.into_iter()
        .map(|parameters| {
            let (width, height) = sizes[&(parameters.model.clone(), parameters.image.clone())];
            let hash = hasher.hash(Kind::Edit, &parameters, width, height);
            let prefix = prefix(axes, &parameters);
            let mut key = CellKey::new(&prefix, &hash);
            while !taken.insert(key.clone()) {
                key = key.next();
            }
            let same_as = first_of_hash.get(&hash).cloned();
            first_of_hash.entry(hash).or_insert_with(|| key.clone());
            Cell {
                key,
                parameters,
                width,
                height,
                stage: 0,
                same_as,
            }
        })
        .collect()
}
