//! A [`SweepSpec`] and what was read of its files become a [`Plan`].

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::{Axis, Cell, CellKey, Condition, ImageEntry, ModelEntry, Plan, Tiling, guidance};
use crate::diffusion::SchedulerKind;
use crate::image::{FitError, fit_size};
use crate::spec::{
    Fit, Numerics, Overrides, Parameter, Parameters, Preset, Scale, Size, SweepSpec, VaeTile,
};

/// Bumped when the same parameters come to mean other pixels, so that old cells are not taken for new ones.
const MEANING: u32 = 1;

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
    #[error("[[exclude]] leaves out all {cells} cells")]
    #[diagnostic(help(
        "remove an [[exclude]] table, or add keys to it so that it matches fewer cells"
    ))]
    NothingLeft {
        /// Cells before the exclusions.
        cells: usize,
    },
}

impl Plan {
    /// Resolves every cell. `models` and `images` are in the order of the spec's lists.
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
            .filter(|cell| !spec.excludes.iter().any(|rule| matches(rule, cell)))
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
            axes,
            models,
            images,
            numerics: spec.numerics,
            fit: spec.size.fit,
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

/// A cell before its model is settled, and with it the model's own scheduler.
#[derive(Debug, Clone)]
struct Draft {
    parameters: Parameters,
    scheduler: Option<SchedulerKind>,
}

/// The full product, slowest parameter first, so that the cells which share their first step (one image,
/// scheduler, step count and seed) lie together.
fn grid(spec: &SweepSpec, models: &[ModelEntry]) -> Vec<Parameters> {
    let base = Draft {
        parameters: Parameters {
            model: String::new(),
            image: String::new(),
            instruction: String::new(),
            negative_prompt: String::new(),
            guidance_scale: Scale::default(),
            image_guidance_scale: Scale::default(),
            guidance_start: Scale::zero(),
            guidance_end: Scale::one(),
            seed: 0,
            num_inference_steps: 0,
            scheduler: SchedulerKind::EulerAncestral,
            preset: None,
        },
        scheduler: None,
    };
    let mut grid = vec![base];
    grid = vary(grid, &spec.models, |cell, model| {
        cell.model.clone_from(&model.name)
    });
    grid = vary(grid, &spec.images, |cell, image| {
        cell.image.clone_from(&image.name)
    });
    grid = vary_drafts(grid, &spec.schedulers, |draft, &kind| {
        draft.scheduler = kind
    });
    grid = vary(grid, &spec.num_inference_steps, |cell, &steps| {
        cell.num_inference_steps = steps
    });
    grid = vary(grid, &spec.seeds, |cell, &seed| cell.seed = seed);
    grid = vary(grid, &spec.negative_prompts, |cell, text| {
        cell.negative_prompt.clone_from(text)
    });
    grid = vary(grid, &spec.instructions, |cell, text| {
        cell.instruction.clone_from(text)
    });
    grid = vary(grid, &spec.guidance_starts, |cell, &share| {
        cell.guidance_start = share
    });
    grid = vary(grid, &spec.guidance_ends, |cell, &share| {
        cell.guidance_end = share
    });
    grid = vary(grid, &spec.image_guidance_scales, |cell, &scale| {
        cell.image_guidance_scale = scale
    });
    grid = vary(grid, &spec.guidance_scales, |cell, &scale| {
        cell.guidance_scale = scale
    });
    grid = vary_drafts(grid, &spec.presets, |draft, preset| preset.apply(draft));
    grid.into_iter()
        .map(
            |Draft {
                 mut parameters,
                 scheduler,
             }| {
                let own = models.iter().find(|model| model.name == parameters.model);
                let own = own.map_or(parameters.scheduler, |model| model.scheduler);
                parameters.scheduler = scheduler.unwrap_or(own);
                parameters
            },
        )
        .collect()
}

/// Every cell with every value; as it is where there are none (presets set it then).
fn vary<T>(cells: Vec<Draft>, values: &[T], set: impl Fn(&mut Parameters, &T)) -> Vec<Draft> {
    vary_drafts(cells, values, |draft, value| {
        set(&mut draft.parameters, value)
    })
}

fn vary_drafts<T>(cells: Vec<Draft>, values: &[T], set: impl Fn(&mut Draft, &T)) -> Vec<Draft> {
    if values.is_empty() {
        return cells;
    }
    let with_values = cells.iter().flat_map(|cell| {
        values.iter().map(|value| {
            let mut cell = cell.clone();
            set(&mut cell, value);
            cell
        })
    });
    with_values.collect()
}

impl Preset {
    /// Sets what the preset names.
    fn apply(&self, draft: &mut Draft) {
        let cell = &mut draft.parameters;
        let Overrides {
            model,
            image,
            instruction,
            negative_prompt,
            guidance_scale,
            image_guidance_scale,
            guidance_start,
            guidance_end,
            seed,
            num_inference_steps,
            scheduler,
            preset: _,
        } = self.overrides.clone();
        cell.preset = Some(self.name.clone());
        replace(&mut cell.model, model);
        replace(&mut cell.image, image);
        replace(&mut cell.instruction, instruction);
        replace(&mut cell.negative_prompt, negative_prompt);
        replace(&mut cell.guidance_scale, guidance_scale);
        replace(&mut cell.image_guidance_scale, image_guidance_scale);
        replace(&mut cell.guidance_start, guidance_start);
        replace(&mut cell.guidance_end, guidance_end);
        replace(&mut cell.seed, seed);
        replace(&mut cell.num_inference_steps, num_inference_steps);
        draft.scheduler = scheduler.or(draft.scheduler);
    }
}

fn replace<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Whether every value that an exclusion gives is the cell's.
fn matches(rule: &Overrides, cell: &Parameters) -> bool {
    Parameter::ALL.into_iter().all(|parameter| {
        let wanted = rule.text(parameter);
        wanted.is_none_or(|wanted| wanted == cell.text(parameter))
    })
}

/// Parameters with more than one value among the cells, values in order of appearance. What presets
/// link is shown by the preset's name and is no axis of its own.
fn axes(spec: &SweepSpec, cells: &[Parameters]) -> Vec<Axis> {
    let linked = |parameter: Parameter| {
        spec.presets
            .iter()
            .any(|preset| preset.overrides.text(parameter).is_some())
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
            let hash = hasher.hash(&parameters, width, height);
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
                same_as,
            }
        })
        .collect()
}

/// Hashes all that can change a cell's pixels, and nothing else.
struct Hasher<'a> {
    digests: HashMap<&'a str, &'a str>,
    vae_factors: HashMap<&'a str, u32>,
    fit: Fit,
    numerics: Numerics,
}

impl<'a> Hasher<'a> {
    fn new(
        models: &'a [ModelEntry],
        images: &'a [ImageEntry],
        fit: Fit,
        numerics: Numerics,
    ) -> Self {
        let vae_factors = models.iter();
        let vae_factors = vae_factors.map(|model| (model.name.as_str(), model.vae_factor));
        let vae_factors = vae_factors.collect();
        let models = models
            .iter()
            .map(|model| (model.name.as_str(), model.sha256.as_str()));
        let images = images
            .iter()
            .map(|image| (image.name.as_str(), image.sha256.as_str()));
        Self {
            digests: models.chain(images).collect(),
            vae_factors,
            fit,
            numerics,
        }
    }

    /// 12 hexadecimal digits: 48 bits, for at most a million cells a run.
    fn hash(&self, parameters: &Parameters, width: u32, height: u32) -> String {
        // Scales that leave the same branches with the same coefficients have the same pixels.
        let rows = |conditions: &[(Condition, f32)]| {
            let rows = conditions.iter();
            let rows = rows.map(|(condition, coefficient)| {
                serde_json::json!([condition.text, condition.image, coefficient])
            });
            rows.collect::<serde_json::Value>()
        };
        let guidance = guidance(parameters, self.numerics.guidance);
        let conditions = match guidance.phases() {
            // Cells without an interval keep the hash that they had before there were intervals.
            [always] => rows(&always.conditions),
            phases => phases
                .iter()
                .map(|phase| serde_json::json!([phase.first_step, rows(&phase.conditions)]))
                .collect(),
        };
        // Images that stay whole keep the hash that they had before there were tiles.
        let Numerics { vae_tile, .. } = self.numerics;
        let untiled = Numerics {
            vae_tile: VaeTile::default(),
            ..self.numerics
        };
        let factor = self.vae_factors[parameters.model.as_str()];
        let tiles =
            Tiling::new(vae_tile, width, height, factor).map(|Tiling { columns, rows, .. }| {
                serde_json::json!([columns.count(), columns.side(), rows.count(), rows.side()])
            });
        let mut content = serde_json::json!([
            MEANING,
            self.digests[parameters.model.as_str()],
            self.digests[parameters.image.as_str()],
            conditions,
            parameters.seed,
            parameters.num_inference_steps,
            parameters.scheduler,
            self.fit,
            width,
            height,
            untiled,
        ]);
        if let (Some(content), Some(tiles)) = (content.as_array_mut(), tiles) {
            content.push(tiles);
        }
        let digest = Sha256::digest(content.to_string());
        digest
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// The varying values in short: `house-winter-g7.0-i1.5-s42`.
fn prefix(axes: &[Axis], parameters: &Parameters) -> String {
    let parts: Vec<String> = axes
        .iter()
        .map(|axis| {
            let value = parameters.text(axis.parameter);
            match axis.parameter {
                Parameter::GuidanceScale => format!("g{value}"),
                Parameter::ImageGuidanceScale => format!("i{value}"),
                Parameter::GuidanceStart => format!("from{value}"),
                Parameter::GuidanceEnd => format!("to{value}"),
                Parameter::Seed => format!("s{value}"),
                Parameter::NumInferenceSteps => format!("n{value}"),
                Parameter::Model | Parameter::Image => slug(stem(&value)),
                _ => slug(&value),
            }
        })
        .filter(|part| !part.is_empty())
        .collect();
    parts.join("-")
}

/// The last part of a path without its extension.
fn stem(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// Lower-case ASCII letters and digits joined by `_`, at most 24 of them.
fn slug(text: &str) -> String {
    let words: Vec<String> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("_").chars().take(24).collect()
}
