//! Builds a [`Plan`] from a [`SweepSpec`] and what was read of its files, stage by stage: the first works on the images
//! of the sweep file, each other on those of the stage before it.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::axes::axes;
use super::draft::StageDraft;
use super::grid::grid;
use super::name::prefix;
use super::pixels::{Hasher, short};
use super::scope::Scopes;
use super::{Axis, Cell, ImageEntry, MaskEntry, ModelEntry, Plan, PlanError, Stage};
use crate::digest::sha256_hex;
use crate::image::{Size, fit_size};
use crate::spec::{Overrides, Preset, SweepSpec};
use crate::vocabulary::{CellKey, Parameter, Parameters, Value};

/// Names of the images used by at least one cell: exclusions may leave out all cells of an image.
pub(crate) fn images_of_cells(spec: &SweepSpec, models: &[ModelEntry]) -> HashSet<String> {
    let is_of_stages = |exclude: &Overrides| exclude.stages().next().is_some();
    if spec.excludes.is_empty() || !spec.then.is_empty() || spec.excludes.iter().any(is_of_stages) {
        let images = spec.files[Parameter::Image].iter();
        return images.map(|named| named.name.clone()).collect();
    }
    let cells = grid(&spec.values, &spec.presets, models).into_iter();
    let kept = cells.filter(|cell| !spec.excludes.iter().any(|rule| rule.match_all_of(cell)));
    kept.map(|cell| cell.image).collect()
}

impl Plan {
    /// Resolves every cell. The entries in `files` describe the spec's files, in the order of its lists; images that no
    /// cell uses may be missing.
    ///
    /// # Errors
    /// If a model lacks something it needs or is given something it has no use for, an image does not fit a model, or
    /// the exclusions leave no cell.
    pub fn new(spec: &SweepSpec, files: PlanFiles) -> Result<Self, PlanError> {
        let PlanFiles {
            models,
            images,
            masks,
        } = files;
        let mut plan = Self {
            name: spec.name.clone(),
            stages: Vec::new(),
            axes: Vec::new(),
            models,
            images,
            masks,
            numerics: spec.numerics,
            fit: spec.size.fit,
            resolution: spec.size.resolution,
            checked_stages: spec.checked_stages.clone(),
            sheet: spec.sheet.clone(),
            cells: Vec::new(),
        };
        let (drafts, scopes) = StageDraft::all(spec, &plan)?;
        let mut builder = Builder::new(&scopes);
        for draft in drafts {
            builder.add(&mut plan, spec, draft)?;
        }
        let stages = plan.stages.iter().map(|stage| stage.name.as_str());
        let stages: Vec<&str> = stages.collect();
        for name in &spec.checked_stages {
            if !stages.contains(&name.as_str()) {
                return Err(PlanError::UnknownStage {
                    place: "check.stages".to_owned(),
                    stage: name.clone(),
                    stages: stages.join(", "),
                });
            }
        }
        if let [_] = plan.stages.as_slice() {
            // In a sweep with a single stage the axes stand only in the plan itself.
            plan.stages[0].axes.clear();
        }
        Ok(plan)
    }
}

/// What was read of the files that a sweep names.
#[derive(Debug, Default)]
pub struct PlanFiles {
    /// Model folders.
    pub models: Vec<ModelEntry>,
    /// Input images.
    pub images: Vec<ImageEntry>,
    /// Masks.
    pub masks: Vec<MaskEntry>,
}

/// The output of a cell, as the next stage takes it.
#[derive(Debug)]
struct Input {
    /// The prefix of its cell's key, with which the keys of the next stage's cells begin.
    prefix: String,
    seed: u64,
    width: u32,
    height: u32,
    /// The preset of the cells it descends from, if there is one.
    preset: Option<String>,
    /// For each exclusion, whether the cells it descends from match so far.
    matched: Vec<bool>,
}

/// What distinguishes one cell from others.
struct Identity {
    /// Width and height of its output in pixels.
    size: (u32, u32),
    /// SHA-256 of its recipe, in hexadecimal; in the last stage only the digits that keys use.
    sha256: String,
    /// The readable part of its key.
    prefix: String,
}

/// The state of planning: the stages planned so far.
#[derive(Debug)]
struct Builder<'s> {
    scopes: &'s Scopes,
    /// The previous stage's outputs by name; empty before the first stage.
    inputs: HashMap<String, Input>,
    /// The same outputs as image entries, in the order of their cells.
    images: Vec<ImageEntry>,
    taken: HashSet<CellKey>,
    first_of_hash: HashMap<String, CellKey>,
}

impl<'s> Builder<'s> {
    fn new(scopes: &'s Scopes) -> Self {
        Self {
            scopes,
            inputs: HashMap::new(),
            images: Vec::new(),
            taken: HashSet::new(),
            first_of_hash: HashMap::new(),
        }
    }

    /// Plans a stage: each of its points on each image of the previous stage.
    fn add(
        &mut self,
        plan: &mut Plan,
        spec: &SweepSpec,
        mut draft: StageDraft,
    ) -> Result<(), PlanError> {
        let is_first = plan.stages.is_empty();
        if !is_first {
            let names = self
                .images
                .iter()
                .map(|image| Value::from(image.name.as_str()));
            draft.values[Parameter::Image] = names.collect();
            plan.images.append(&mut self.images);
        }
        let stage = draft.stage(plan)?;
        let varies = plan.stages.len() == self.scopes.presets_vary_at;
        draft.check_count(&stage.name, if varies { draft.presets.len() } else { 1 })?;
        let mut grid = match varies || is_first {
            true => grid(
                &draft.values,
                if varies { &draft.presets } else { &[] },
                &plan.models,
            ),
            false => self.following(&draft, &plan.models),
        };
        for cell in &mut grid {
            let default = stage.kind.pipeline().needs().strength;
            cell.strength = cell.strength.or(default);
            if let Some(input) = self.inputs.get(&cell.image).filter(|_| draft.same_seed) {
                cell.seed = input.seed;
            }
        }
        let place = plan.stages.len();
        if !spec.then.is_empty() {
            self.scopes.check_occurring((place, &stage.name), &grid)?;
        }
        let (kept, matched) = self.kept(place, grid)?;
        let masks: HashSet<&str> = kept.iter().map(|cell| cell.mask.as_str()).collect();
        for entry in plan
            .masks
            .iter()
            .filter(|mask| masks.contains(mask.name.as_str()))
        {
            plan.check_mask(&entry.name, &stage.name)?;
        }
        let axes = axes(&draft.presets, &kept);
        let sizes = match is_first {
            true => {
                let images = plan.images.as_slice();
                let alone = kept.iter().any(|cell| cell.image.is_empty());
                fitted_sizes(spec.size, &plan.models, images, alone)?
            }
            false => self.sizes(&stage.name, &kept, &plan.models)?,
        };
        let points = kept.into_iter().zip(matched).collect();
        let is_last = place == spec.then.len();
        self.cells(plan, &stage, &axes, points, &sizes, is_last);
        plan.axes.clone_from(&axes);
        plan.stages.push(Stage { axes, ..stage });
        Ok(())
    }

    /// The points of a stage if an earlier stage varies the presets: each image gets the points of its own preset.
    fn following(&self, draft: &StageDraft, models: &[ModelEntry]) -> Vec<Parameters> {
        let is_set = |preset: &Preset| !preset.overrides.is_empty();
        if !draft.presets.iter().any(is_set) {
            return grid(&draft.values, &[], models);
        }
        let images = draft.values[Parameter::Image].iter();
        let points = images.flat_map(|image| {
            let input = match image {
                Value::Text(name) => self.inputs.get(name),
                Value::Decimal(_) | Value::Whole(_) | Value::Scheduler(_) => None,
            };
            let mut presets = draft.presets.iter();
            let name = input.and_then(|input| input.preset.as_deref());
            let preset = presets.find(|preset| Some(preset.name.as_str()) == name);
            let mut values = draft.values.clone();
            values[Parameter::Image] = vec![image.clone()];
            for (key, value) in preset.iter().flat_map(|preset| preset.overrides.iter()) {
                values[key] = vec![value.clone()];
            }
            grid(&values, &[], models)
        });
        points.collect()
    }

    /// The points that no exclusion leaves out, each with the exclusions that its path matches so far.
    fn kept(
        &self,
        stage: usize,
        grid: Vec<Parameters>,
    ) -> Result<(Vec<Parameters>, Vec<Vec<bool>>), PlanError> {
        let all = grid.len();
        let unmatched = self.scopes.unmatched();
        let points = grid.into_iter().map(|cell| {
            let before = self.inputs.get(&cell.image).map(|input| &input.matched);
            let matched = self
                .scopes
                .matched(stage, before.unwrap_or(&unmatched), &cell);
            (cell, matched)
        });
        let kept = points.filter(|(_, matched)| !self.scopes.excludes(stage, matched));
        let (kept, matched): (Vec<Parameters>, Vec<_>) = kept.unzip();
        if kept.is_empty() {
            return Err(PlanError::NothingLeft { cells: all });
        }
        let mut cells = kept.iter();
        match cells.find(|cell| cell.guidance_start >= cell.guidance_end) {
            Some(cell) => Err(PlanError::Interval {
                start: cell.guidance_start,
                end: cell.guidance_end,
            }),
            None => Ok((kept, matched)),
        }
    }

    /// The sizes of a later stage's cells: those of the images they work on.
    fn sizes(
        &self,
        stage: &str,
        cells: &[Parameters],
        models: &[ModelEntry],
    ) -> Result<Sizes, PlanError> {
        let mut sizes = Sizes::new();
        for cell in cells {
            let model = models.iter().find(|model| model.name == cell.model);
            let (Some(input), Some(model)) = (self.inputs.get(&cell.image), model) else {
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
            sizes.insert((cell.model.clone(), cell.image.clone()), (width, height));
        }
        Ok(sizes)
    }

    /// Names the cells of a stage and links each to the first one with the same pixels (two presets may set the same
    /// values, or `guidance = "diffusers"` may switch guidance off, so that the scales have no effect). Their images
    /// are the inputs of the next stage.
    fn cells(
        &mut self,
        plan: &mut Plan,
        stage: &Stage,
        axes: &[Axis],
        points: Vec<(Parameters, Vec<bool>)>,
        sizes: &Sizes,
        is_last: bool,
    ) {
        let hasher = Hasher::new(plan, stage);
        let identities = points.par_iter().map(|(parameters, _)| {
            let (width, height) = sizes[&(parameters.model.clone(), parameters.image.clone())];
            let recipe = hasher.recipe(parameters, width, height);
            let inherited = self.inputs.get(&parameters.image);
            let inherited = inherited.map(|input| input.prefix.as_str());
            let sha256 = sha256_hex(recipe.to_string().as_bytes());
            Identity {
                size: (width, height),
                // A million digests take less memory shortened; only a following stage needs them whole.
                sha256: match is_last {
                    true => short(&sha256).to_owned(),
                    false => sha256,
                },
                prefix: prefix(axes, parameters, inherited),
            }
        });
        let identities: Vec<Identity> = identities.collect();
        let named: HashSet<&str> = plan
            .images
            .iter()
            .map(|image| image.name.as_str())
            .collect();
        let mut inputs = HashMap::new();
        let mut cells = Vec::with_capacity(points.len());
        let mut images = Vec::new();
        for ((parameters, matched), identity) in points.into_iter().zip(identities) {
            let Identity {
                size: (width, height),
                sha256,
                prefix,
            } = identity;
            let hash = short(&sha256);
            let mut key = CellKey::new(&prefix, hash);
            while !self.taken.insert(key.clone()) {
                key = key.next();
            }
            let same_as = self.first_of_hash.get(hash).cloned();
            self.first_of_hash
                .entry(hash.to_owned())
                .or_insert_with(|| key.clone());
            if !is_last {
                let inherited = self.inputs.get(&parameters.image);
                let preset = inherited.and_then(|input| input.preset.clone());
                let name = free_name(&stage.name, &prefix, &inputs, &named);
                images.push(ImageEntry {
                    name: name.clone(),
                    path: key.image_path().into(),
                    sha256,
                    cell: Some(key.clone()),
                    converted: false,
                    width,
                    height,
                });
                let input = Input {
                    prefix,
                    seed: parameters.seed,
                    width,
                    height,
                    preset: parameters.preset.clone().or(preset),
                    matched,
                };
                inputs.insert(name, input);
            }
            cells.push(Cell {
                key,
                parameters,
                width,
                height,
                stage: plan.stages.len(),
                same_as,
            });
        }
        plan.cells.append(&mut cells);
        self.inputs = inputs;
        self.images = images;
    }
}

/// The name of a cell's image as an input of the next stage: the stage and the varying values, so that the name stays
/// the same when models and recipes change.
fn free_name(
    stage: &str,
    prefix: &str,
    taken: &HashMap<String, Input>,
    images: &HashSet<&str>,
) -> String {
    let separator = if prefix.is_empty() { "" } else { "/" };
    let plain = format!("{stage}{separator}{prefix}");
    let is_free = |name: &String| !taken.contains_key(name) && !images.contains(name.as_str());
    let numbered = (2_u32..).map(|number| format!("{plain}~{number}"));
    let mut names = std::iter::once(plain.clone()).chain(numbered);
    names.find(is_free).unwrap_or(plain)
}

/// Output width and height by the names of model and image; the image's name is empty if there is none.
type Sizes = HashMap<(String, String), (u32, u32)>;

/// The output size of every pair of model and image, or of every model if cells start from no image.
fn fitted_sizes(
    size: Size,
    models: &[ModelEntry],
    images: &[ImageEntry],
    alone: bool,
) -> Result<Sizes, PlanError> {
    let mut sizes = HashMap::new();
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
            sizes.insert((model.name.clone(), image.name.clone()), fitted);
        }
        if alone {
            // A square, unless the sweep file says otherwise.
            let side = size.resolution.unwrap_or(model.resolution);
            let fitted = fit(side, side).map_err(|source| PlanError::Size {
                model: model.name.clone(),
                source,
            })?;
            sizes.insert((model.name.clone(), String::new()), fitted);
        }
    }
    Ok(sizes)
}
