//! Builds a [`Plan`] from a [`SweepSpec`] and what was read of its files, stage by stage: the first works on the images
//! of the sweep file, each other on those of the stage before it.

mod cells;
mod sizes;

use std::collections::HashSet;

use cells::{Inputs, Keys};
use sizes::Sizes;

use super::axes::axes;
use super::draft::StageDraft;
use super::grid::grid;
use super::scope::{ScopedStage, Scopes};
use super::{ByName, ImageEntry, MaskEntry, ModelEntry, Plan, PlanError, Stage};
use crate::pipeline::Kind;
use crate::spec::{Overrides, Preset, SweepSpec};
use crate::vocabulary::{Parameter, Parameters, Value};

/// Names of the images used by at least one cell: exclusions may leave out all cells of an image.
pub(crate) fn images_of_cells(spec: &SweepSpec, models: &[ModelEntry]) -> HashSet<String> {
    let is_of_stages = |exclude: &Overrides| exclude.stages().next().is_some();
    if spec.excludes.is_empty() || !spec.then.is_empty() || spec.excludes.iter().any(is_of_stages) {
        let images = spec.files[Parameter::Image].iter();
        return images.map(|named| named.name.clone()).collect();
    }
    let cells = grid(&spec.values, &spec.presets, models).into_iter();
    let kept = cells.filter(|cell| !spec.excludes.iter().any(|rule| rule.match_all_of(cell)));
    kept.map(|cell| cell.image.into()).collect()
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
            by_name: ByName::default(),
        };
        let (drafts, scopes) = drafts(spec, &plan.models)?;
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

/// The stages of a sweep, each with what presets set for it.
fn drafts<'s>(
    spec: &'s SweepSpec,
    models: &[ModelEntry],
) -> Result<(Vec<StageDraft<'s>>, Scopes), PlanError> {
    let mut drafts: Vec<StageDraft> = StageDraft::without_presets(spec).collect();
    let mut kinds = Vec::new();
    let mut scoped_stages = Vec::new();
    for (place, draft) in drafts.iter().enumerate() {
        let family = draft.family(models);
        // A mask that only presets set does not count for the stage's name.
        let image = place > 0 || draft.gives(Parameter::Image);
        let kind = Kind::of(family, image, draft.gives(Parameter::Mask));
        scoped_stages.push(ScopedStage {
            name: draft.named(kind, &kinds),
            family,
            draft,
        });
        kinds.push(kind);
    }
    let scopes = Scopes::of(spec, &scoped_stages)?;
    for (place, draft) in drafts.iter_mut().enumerate() {
        draft.presets = scopes.presets(place).to_vec();
    }
    Ok((drafts, scopes))
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

/// The state of planning: the stages planned so far.
#[derive(Debug)]
struct Builder<'s> {
    scopes: &'s Scopes,
    /// The previous stage's outputs; empty before the first stage.
    inputs: Inputs,
    keys: Keys,
}

impl<'s> Builder<'s> {
    fn new(scopes: &'s Scopes) -> Self {
        Self {
            scopes,
            inputs: Inputs::default(),
            keys: Keys::default(),
        }
    }

    /// Plans a stage: each of its points on each image of the previous stage.
    fn add(
        &mut self,
        plan: &mut Plan,
        spec: &SweepSpec,
        mut draft: StageDraft,
    ) -> Result<(), PlanError> {
        let place = plan.stages.len();
        if place > 0 {
            let entries = self.inputs.take_entries();
            let names = entries.iter().map(|image| Value::from(image.name.as_str()));
            draft.values[Parameter::Image] = names.collect();
            plan.images.extend(entries);
        }
        let stage = draft.stage(plan)?;
        let points = self.points(plan, spec, &draft, &stage)?;
        let masks: HashSet<&str> = points.iter().map(|point| point.mask.as_str()).collect();
        for entry in (plan.masks.iter()).filter(|mask| masks.contains(mask.name.as_str())) {
            plan.check_mask(&entry.name, &stage.name)?;
        }
        let axes = axes(&draft.presets, &points);
        let sizes = match place {
            0 => {
                let alone = points.iter().any(|point| point.image.is_empty());
                Sizes::fitted(spec.size, &plan.models, &plan.images, alone)?
            }
            _ => Sizes::of_inputs(&stage.name, &points, &plan.models, &self.inputs)?,
        };
        let is_last = place == spec.then.len();
        self.add_cells(plan, (&stage, &axes), points, &sizes, is_last);
        plan.axes.clone_from(&axes);
        plan.stages.push(Stage { axes, ..stage });
        Ok(())
    }

    /// The points of a stage that no exclusion leaves out.
    fn points(
        &self,
        plan: &Plan,
        spec: &SweepSpec,
        draft: &StageDraft,
        stage: &Stage,
    ) -> Result<Vec<Parameters>, PlanError> {
        let place = plan.stages.len();
        let varies = place == self.scopes.presets_vary_at;
        draft.check_count(&stage.name, if varies { draft.presets.len() } else { 1 })?;
        let mut points = match (varies, place) {
            (true, _) => grid(&draft.values, &draft.presets, &plan.models),
            (false, 0) => grid(&draft.values, &[], &plan.models),
            (false, _) => self.following(draft, &plan.models),
        };
        let default = stage.kind.pipeline().needs().strength;
        for point in &mut points {
            point.strength = point.strength.or(default);
            let input = Some(&point.image).filter(|_| draft.same_seed);
            if let Some(input) = input.and_then(|image| self.inputs.get(image)) {
                point.seed = input.seed;
            }
        }
        if !spec.then.is_empty() {
            self.scopes.check_occurring((place, &stage.name), &points)?;
        }
        let all = points.len();
        points.retain(|point| !self.scopes.excludes(place, &self.matched(place, point)));
        if points.is_empty() {
            return Err(PlanError::NothingLeft { cells: all });
        }
        let mut left = points.iter();
        match left.find(|point| point.guidance_start >= point.guidance_end) {
            Some(point) => Err(PlanError::Interval {
                start: point.guidance_start,
                end: point.guidance_end,
            }),
            None => Ok(points),
        }
    }

    /// Which exclusions the path of a point matches so far.
    fn matched(&self, stage: usize, point: &Parameters) -> Vec<bool> {
        match self.inputs.get(&point.image) {
            Some(input) => self.scopes.matched(stage, &input.matched, point),
            None => (self.scopes).matched(stage, &self.scopes.unmatched(), point),
        }
    }

    /// The points of a stage if an earlier stage varies the presets: each image gets the points of its own preset.
    fn following(&self, draft: &StageDraft, models: &[ModelEntry]) -> Vec<Parameters> {
        let is_set = |preset: &Preset| !preset.overrides.is_empty();
        if !draft.presets.iter().any(is_set) {
            return grid(&draft.values, &[], models);
        }
        // Without the images, of which there may be many: it is copied for each of them.
        let mut common = draft.values.clone();
        let images = std::mem::take(&mut common[Parameter::Image]);
        let points = images.into_iter().flat_map(|image| {
            let input = match &image {
                Value::Text(name) => self.inputs.get(name),
                Value::Decimal(_) | Value::Whole(_) | Value::Scheduler(_) => None,
            };
            let mut presets = draft.presets.iter();
            let name = input.and_then(|input| input.preset.as_deref());
            let preset = presets.find(|preset| Some(preset.name.as_str()) == name);
            let mut values = common.clone();
            values[Parameter::Image] = vec![image];
            for (key, value) in preset.iter().flat_map(|preset| preset.overrides.iter()) {
                values[key] = vec![value.clone()];
            }
            grid(&values, &[], models)
        });
        points.collect()
    }
}
