//! `[[preset]]` and `[[exclude]]`: one value each for some parameters.

use std::collections::{HashMap, HashSet};

use rust_decimal::prelude::ToPrimitive;

use super::error::SpecProblem;
use super::fault::{Checked, Faults, quoted};
use super::keys::Key;
use super::number::{Domain, number};
use super::path::Base;
use super::raw::{Field, Section};
use super::{MAX_STEPS, NamedPath, Overrides, Preset, SweepSpec, suggest, text};
use crate::vocabulary::{Parameter, Scale};

/// The presets of a file and the files that only they name.
#[derive(Debug, Default)]
pub(super) struct Presets {
    pub list: Vec<Preset>,
    pub models: Vec<NamedPath>,
    pub images: Vec<NamedPath>,
}

impl Presets {
    /// Reads and checks each by itself and the names against each other.
    pub fn read(sections: &[Section<'_>], base: &Base, faults: &mut Faults) -> Self {
        let mut presets = Self::default();
        let mut names = HashSet::new();
        for section in sections {
            if faults.full() {
                break;
            }
            if let Some(preset) = faults.take(presets.read_one(section, base)) {
                if names.insert(preset.name.clone()) {
                    presets.list.push(preset);
                } else if let Some(field) = section.get("name") {
                    let problem = SpecProblem::Duplicate {
                        key: "the name of presets".to_owned(),
                        value: quoted(&preset.name),
                    };
                    faults.push(problem.at(field.at));
                }
            }
        }
        presets
    }

    fn read_one(&mut self, section: &Section<'_>, base: &Base) -> Checked<Preset> {
        let place = section.at.unwrap_or_default();
        let Some(name) = section.get("name") else {
            let problem = SpecProblem::Missing {
                key: format!("the name of preset {}", section.number),
                hint: "add name = \"subtle\"".to_owned(),
            };
            return Err(problem.at(place));
        };
        let name = preset_name(name)?;
        let mut overrides = Overrides::default();
        for field in section.fields() {
            match field.key.name {
                "name" => {}
                "model" => {
                    let model = base.model(single(*field)?)?;
                    overrides.model = Some(model.name.clone());
                    keep(&mut self.models, model);
                }
                "image" => {
                    let image = base.image(single(*field)?)?;
                    overrides.image = Some(image.name.clone());
                    keep(&mut self.images, image);
                }
                _ => overrides.set(*field)?,
            }
        }
        if overrides == Overrides::default() {
            let problem = SpecProblem::EmptyPreset {
                preset: format!("the preset {}", quoted(&name)),
            };
            return Err(problem.at(place));
        }
        Ok(Preset { name, overrides })
    }
}

/// Adds a path that is not there yet.
fn keep(paths: &mut Vec<NamedPath>, path: NamedPath) {
    if !paths.contains(&path) {
        paths.push(path);
    }
}

fn preset_name(field: Field<'_>) -> Checked<String> {
    let name = text::prompt(field)?;
    if name.trim().is_empty() {
        let problem = SpecProblem::Missing {
            key: field.key.to_string(),
            hint: "add name = \"subtle\"".to_owned(),
        };
        return Err(problem.at(field.at));
    }
    Ok(name)
}

/// The field, if it is one value and neither list nor range.
pub(super) fn single(field: Field<'_>) -> Checked<Field<'_>> {
    use toml::de::DeValue::{Array, Table};
    if !matches!(field.value, Array(_) | Table(_)) {
        return Ok(field);
    }
    let problem = SpecProblem::WrongType {
        key: field.key.to_string(),
        expected: "one value".to_owned(),
        found: super::raw::describe(field.value),
        hint: format!("write one {} for each value", field.key.table.header()),
    };
    Err(problem.at(field.at))
}

impl Overrides {
    /// Sets a parameter that is not a file.
    fn set(&mut self, field: Field<'_>) -> Checked<()> {
        let field = single(field)?;
        match field.key.name {
            "instruction" => self.instruction = Some(text::prompt(field)?),
            "negative_prompt" => self.negative_prompt = Some(text::prompt(field)?),
            "guidance_scale" => self.guidance_scale = Some(scale(field)?),
            "image_guidance_scale" => self.image_guidance_scale = Some(scale(field)?),
            "guidance_start" => self.guidance_start = Some(share(field)?),
            "guidance_end" => self.guidance_end = Some(share(field)?),
            "seed" => self.seed = number(field, Domain::seed())?.to_u64(),
            "num_inference_steps" => {
                self.num_inference_steps = number(field, Domain::whole(1, MAX_STEPS))?.to_u32();
            }
            "scheduler" => self.scheduler = Some(text::scheduler(field)?),
            _ => {}
        }
        Ok(())
    }

    /// The value for a parameter as text, comparable with [`super::Parameters::text`].
    pub fn text(&self, parameter: Parameter) -> Option<String> {
        match parameter {
            Parameter::Model => self.model.clone(),
            Parameter::Image => self.image.clone(),
            Parameter::Instruction => self.instruction.clone(),
            Parameter::NegativePrompt => self.negative_prompt.clone(),
            Parameter::GuidanceScale => self.guidance_scale.map(|value| value.to_string()),
            Parameter::ImageGuidanceScale => {
                self.image_guidance_scale.map(|value| value.to_string())
            }
            Parameter::GuidanceStart => self.guidance_start.map(|value| value.to_string()),
            Parameter::GuidanceEnd => self.guidance_end.map(|value| value.to_string()),
            Parameter::Seed => self.seed.map(|value| value.to_string()),
            Parameter::NumInferenceSteps => self.num_inference_steps.map(|value| value.to_string()),
            Parameter::Scheduler => self.scheduler.map(|value| value.to_string()),
            Parameter::Preset => self.preset.clone(),
        }
    }
}

fn scale(field: Field<'_>) -> Checked<Scale> {
    Ok(Scale::new(number(field, Domain::scale())?))
}

fn share(field: Field<'_>) -> Checked<Scale> {
    Ok(Scale::new(number(field, Domain::between(0, 1))?))
}

/// Presets against `[sweep]`: none may set an axis, and no two may mean the same.
pub(super) fn check_presets(spec: &SweepSpec, sections: &[Section<'_>], faults: &mut Faults) {
    for field in sections.iter().flat_map(Section::fields) {
        let parameter = Parameter::from_key(field.key.name);
        if parameter.is_some_and(|parameter| spec.count(parameter) > 1) {
            let problem = SpecProblem::PresetAxis {
                key: field.key.to_string(),
                parameter: field.key.name.to_owned(),
            };
            faults.push(problem.at(field.at));
        }
    }
    let base = Parameter::ALL.map(|parameter| spec.swept(parameter).into_iter().next());
    let mut seen: HashMap<Vec<Option<String>>, &str> = HashMap::new();
    for (preset, section) in spec.presets.iter().zip(sections) {
        let own = Parameter::ALL.map(|parameter| preset.overrides.text(parameter));
        let meaning = own
            .into_iter()
            .zip(&base)
            .map(|(own, base)| own.or_else(|| base.clone()))
            .collect();
        if let Some(first) = seen.insert(meaning, &preset.name) {
            let problem = SpecProblem::SamePresets {
                first: quoted(first),
                second: quoted(&preset.name),
            };
            faults.push(problem.at(section.at.unwrap_or_default()));
        }
    }
}

/// Reads the exclusions and makes sure that each key can match.
pub(super) fn excludes(
    spec: &SweepSpec,
    sections: &[Section<'_>],
    base: &Base,
    faults: &mut Faults,
) -> Vec<Overrides> {
    let mut occurring = HashMap::new();
    let mut excludes = Vec::new();
    for section in sections {
        if section.fields().is_empty() && section.at.is_some() {
            let problem = SpecProblem::EmptyExclude {
                exclude: format!("exclude {}", section.number),
            };
            faults.push(problem.at(section.at.unwrap_or_default()));
        }
        let mut exclude = Overrides::default();
        for field in section.fields() {
            if faults.full() {
                return excludes;
            }
            let read = read_match(&mut exclude, *field, base);
            let Some(parameter) = faults.take(read) else {
                continue;
            };
            let value = exclude.text(parameter).unwrap_or_default();
            let known = occurring
                .entry(parameter)
                .or_insert_with(|| Occurring::of(spec, parameter));
            if let Some(problem) = known.never_matches(field.key, parameter, &value) {
                faults.push(problem.at(field.at));
            }
        }
        excludes.push(exclude);
    }
    excludes
}

fn read_match(exclude: &mut Overrides, field: Field<'_>, base: &Base) -> Checked<Parameter> {
    let field = single(field)?;
    match field.key.name {
        "model" => exclude.model = Some(base.name(field)?),
        "image" => exclude.image = Some(base.name(field)?),
        "preset" => exclude.preset = Some(field.text()?.to_owned()),
        _ => exclude.set(field)?,
    }
    Parameter::from_key(field.key.name).ok_or_else(|| field.wrong_type("a parameter").at(field.at))
}

/// The values that a parameter has in some cell.
pub(super) struct Occurring {
    values: HashSet<String>,
    /// The model's own scheduler is not known yet.
    any: bool,
}

impl Occurring {
    pub fn of(spec: &SweepSpec, parameter: Parameter) -> Self {
        let set_by = |preset: &Preset| preset.overrides.text(parameter);
        let mut values: HashSet<String> = spec.presets.iter().filter_map(set_by).collect();
        let swept = spec.presets.is_empty() || spec.presets.iter().any(|p| set_by(p).is_none());
        if swept {
            values.extend(spec.swept(parameter));
        }
        Self {
            values,
            any: swept && parameter == Parameter::Scheduler && spec.schedulers.contains(&None),
        }
    }

    /// All of them, in no order.
    pub fn values(&self) -> impl Iterator<Item = &str> + Clone {
        self.values.iter().map(String::as_str)
    }

    /// The fault of a value that no cell has.
    pub fn never_matches(
        &self,
        key: Key,
        parameter: Parameter,
        value: &str,
    ) -> Option<SpecProblem> {
        if self.any || self.values.contains(value) {
            return None;
        }
        let number = |text: &str| text.parse::<f64>().ok();
        let near = match number(value) {
            Some(wanted) if key.noun().ends_with("number") => self
                .values
                .iter()
                .filter_map(|text| Some(((number(text)? - wanted).abs(), text.as_str())))
                .min_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)))
                .map(|(_, text)| text.to_owned()),
            _ => {
                let mut values: Vec<&str> = self.values.iter().map(String::as_str).collect();
                values.sort_unstable();
                suggest::nearest(value, values.iter().copied())
                    .or(values.first().copied())
                    .map(quoted)
            }
        };
        let shown = if key.noun().ends_with("number") {
            value.to_owned()
        } else {
            quoted(value)
        };
        Some(SpecProblem::NeverMatches {
            key: key.to_string(),
            parameter: parameter.to_string(),
            value: shown,
            hint: match near {
                Some(near) => format!("the nearest value is {near}"),
                None => format!("the sweep has no {parameter}; take the key out"),
            },
        })
    }
}
