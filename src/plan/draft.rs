//! A stage before its cells are made: what the sweep file sets, and whether its models need and accept that.

use std::collections::{BTreeSet, HashMap};

use super::{ModelEntry, Plan, PlanError, Stage};
use crate::pipeline::{Family, Kind, Masking, Needs, Use};
use crate::spec::{MAX_CELLS, Preset, SweepSpec};
use crate::vocabulary::{ByParameter, Parameter, Value};

/// A stage as the sweep file gives it.
#[derive(Debug)]
pub(super) struct StageDraft<'s> {
    name: Option<&'s str>,
    /// Its values; those of `image` are filled in when the previous stage has been planned.
    pub values: ByParameter<Vec<Value>>,
    typed: &'s BTreeSet<Parameter>,
    pub same_seed: bool,
    masking: Masking,
    /// What presets set for it.
    pub presets: Vec<Preset>,
    /// The table of the sweep file that it stands in.
    table: &'static str,
}

impl<'s> StageDraft<'s> {
    /// All stages of a sweep, without what presets set for them.
    pub fn without_presets(spec: &'s SweepSpec) -> impl Iterator<Item = Self> {
        let first = Self {
            name: None,
            values: spec.values.clone(),
            typed: &spec.typed,
            same_seed: false,
            masking: spec.masking,
            presets: Vec::new(),
            table: "[sweep]",
        };
        let then = spec.then.iter().map(|stage| Self {
            name: stage.name.as_deref(),
            values: stage.values.clone(),
            typed: &stage.typed,
            same_seed: stage.same_seed,
            masking: stage.masking,
            presets: Vec::new(),
            table: "[[then]]",
        });
        std::iter::once(first).chain(then)
    }

    /// The stage, provided that its models are given what they need and nothing else.
    pub fn stage(&self, plan: &Plan) -> Result<Stage, PlanError> {
        let models = self.models(&plan.models);
        let (image, mask) = (self.gives(Parameter::Image), self.gives(Parameter::Mask));
        let family = self.family(&plan.models);
        let kind = Kind::of(family, image, mask);
        let kinds: Vec<Kind> = plan.stages.iter().map(|stage| stage.kind).collect();
        let name = self.named(kind, &kinds);
        let mut pairs = models.windows(2);
        if let Some([first, second]) = pairs.find(|pair| pair[0].family != pair[1].family) {
            return Err(PlanError::Families {
                stage: name,
                first: first.name.clone(),
                second: second.name.clone(),
            });
        }
        let model = models.first().map_or("", |model| model.name.as_str());
        let needs = kind.pipeline().needs();
        for (key, used, given) in [
            (Parameter::Image, needs.image, image),
            (Parameter::Mask, needs.mask, mask),
        ] {
            let some = !given && self.is_set_by_presets(key);
            if used == Use::Always && !given || some {
                return Err(self.missing(key, model, kind));
            }
        }
        if !self.gives(Parameter::Instruction) {
            return Err(self.missing(Parameter::Instruction, model, kind));
        }
        self.refuse_meaningless(&name, kind, mask)?;
        Ok(Stage {
            name,
            kind,
            masking: self.masking,
            axes: Vec::new(),
        })
    }

    /// Refuses keys that have no meaning for the kind.
    fn refuse_meaningless(&self, name: &str, kind: Kind, mask: bool) -> Result<(), PlanError> {
        let refuse = |key: &str, has: fn(Needs) -> bool| {
            Err(PlanError::Meaningless {
                key: key.to_owned(),
                stage: name.to_owned(),
                kind,
                users: users(has),
            })
        };
        let needs = kind.pipeline().needs();
        if self.is_typed(Parameter::Strength) && needs.strength.is_none() {
            return refuse("strength", |needs| needs.strength.is_some());
        }
        if self.is_typed(Parameter::ImageGuidanceScale) && !needs.image_guidance_scale {
            return refuse("image_guidance_scale", |needs| needs.image_guidance_scale);
        }
        if self.is_typed(Parameter::Mask) && needs.mask == Use::No {
            return refuse("mask", |needs| needs.mask != Use::No);
        }
        let repaints = needs.mask == Use::Always;
        if self.masking.only_masked.is_some() && !repaints {
            return refuse("only_masked", |needs| needs.mask == Use::Always);
        }
        if !self.masking.is_default() && !mask {
            return refuse("outside", |needs| needs.mask == Use::Always);
        }
        Ok(())
    }

    fn missing(&self, key: Parameter, model: &str, kind: Kind) -> PlanError {
        PlanError::Missing {
            key,
            model: model.to_owned(),
            does: kind.family().does(),
            table: self.table.to_owned(),
            example: key.definition().example,
        }
    }

    /// Its name, or else one after its kind and those of the stages before it.
    pub fn named(&self, kind: Kind, earlier: &[Kind]) -> String {
        let name = self.name.map(str::to_owned);
        name.unwrap_or_else(|| numbered(kind, earlier))
    }

    /// Whether every cell has a value of this parameter.
    pub fn gives(&self, parameter: Parameter) -> bool {
        let mut presets = self.presets.iter();
        let all_set = !self.presets.is_empty()
            && presets.all(|preset| preset.overrides.get(parameter).is_some());
        !self.values[parameter].is_empty() || all_set
    }

    /// Whether the stage's table sets a key.
    pub fn sets(&self, parameter: Parameter) -> bool {
        self.typed.contains(&parameter)
    }

    /// The family of its models.
    pub fn family(&self, models: &[ModelEntry]) -> Family {
        let models = self.models(models);
        models
            .first()
            .map_or(Family::default(), |model| model.family)
    }

    fn is_typed(&self, parameter: Parameter) -> bool {
        self.typed.contains(&parameter) || self.is_set_by_presets(parameter)
    }

    fn is_set_by_presets(&self, parameter: Parameter) -> bool {
        let mut presets = self.presets.iter();
        presets.any(|preset| preset.overrides.get(parameter).is_some())
    }

    /// The models that its cells can use.
    fn models<'m>(&self, models: &'m [ModelEntry]) -> Vec<&'m ModelEntry> {
        let by_name: HashMap<&str, &ModelEntry> = models
            .iter()
            .map(|model| (model.name.as_str(), model))
            .collect();
        let of_presets = self.presets.iter();
        let of_presets = of_presets.filter_map(|preset| preset.overrides.get(Parameter::Model));
        let names = self.values[Parameter::Model].iter().chain(of_presets);
        names
            .filter_map(|value| match value {
                Value::Text(name) => by_name.get(name.as_str()).copied(),
                Value::Decimal(_) | Value::Whole(_) | Value::Scheduler(_) => None,
            })
            .collect()
    }

    /// Refuses more cells than a sweep may have; the check of the sweep file counts only one stage. `presets` is the
    /// number of presets that it varies.
    pub fn check_count(&self, stage: &str, presets: usize) -> Result<(), PlanError> {
        // The values of `preset` are the names of the presets.
        let others = Parameter::DEFINED.into_iter();
        let others = others.filter(|parameter| *parameter != Parameter::Preset);
        let counts = others.map(|parameter| self.values[parameter].len().max(1) as u64);
        let cells = counts.fold(presets.max(1) as u64, u64::saturating_mul);
        match cells > MAX_CELLS {
            true => Err(PlanError::TooManyCells {
                stage: stage.to_owned(),
                cells,
            }),
            false => Ok(()),
        }
    }
}

/// The name of a kind, numbered if an earlier stage already has it.
fn numbered(kind: Kind, earlier: &[Kind]) -> String {
    let name = kind.pipeline().name();
    let alike = earlier
        .iter()
        .filter(|earlier| earlier.pipeline().name() == name)
        .count();
    match alike {
        0 => name.to_owned(),
        alike => format!("{name}-{}", alike + 1),
    }
}

/// The kinds that have something, listed in words.
fn users(has: fn(Needs) -> bool) -> String {
    let kinds = Kind::ALL
        .into_iter()
        .filter(|kind| has(kind.pipeline().needs()));
    let mut names: Vec<&str> = kinds.map(|kind| kind.pipeline().name()).collect();
    names.dedup();
    match names.split_last() {
        Some((last, first)) if !first.is_empty() => {
            format!("{} and {last} have it", first.join(", "))
        }
        _ => format!("{} has it", names.concat()),
    }
}
