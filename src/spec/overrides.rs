//! `[[preset]]` and `[[exclude]]`: a single value each for some parameters.

use std::collections::{HashMap, HashSet};

use super::definitions::PRESET_NAME;
use super::error::SpecProblem;
use super::fault::{Checked, Faults, quoted};
use super::keys::{Entry, Key};
use super::path::Base;
use super::raw::{Field, Section};
use super::values::{Reader, matched, shown};
use super::{Preset, SweepSpec, suggest, text};
use crate::vocabulary::{ByParameter, Parameter, Parameters, Unset, Value};

/// Values of some parameters: those a preset sets, or those an exclusion matches (a cell must have all of them).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overrides {
    values: ByParameter<Option<Value>>,
    stages: Vec<(String, Self)>,
}

impl Overrides {
    /// The value for a parameter.
    pub fn get(&self, parameter: Parameter) -> Option<&Value> {
        self.values[parameter].as_ref()
    }

    /// Adds the value of a parameter.
    pub fn with(mut self, parameter: Parameter, value: impl Into<Value>) -> Self {
        self.values[parameter] = Some(value.into());
        self
    }

    /// Adds the values for a stage of a chain, by the stage's name.
    fn with_stage(mut self, stage: &str, overrides: Self) -> Self {
        self.stages.push((stage.to_owned(), overrides));
        self
    }

    /// The values for named stages of a chain, by the stages' names.
    pub fn stages(&self) -> impl Iterator<Item = &(String, Self)> {
        self.stages.iter()
    }

    /// The parameters that have a value here, without those of named stages.
    pub fn iter(&self) -> impl Iterator<Item = (Parameter, &Value)> {
        let values = self.values.iter();
        values.filter_map(|(parameter, value)| Some((parameter, value.as_ref()?)))
    }

    /// Whether there are no values at all.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none() && self.stages.is_empty()
    }

    /// Whether a cell has all of these values; values of named stages are ignored.
    pub fn match_all_of(&self, cell: &Parameters) -> bool {
        self.iter()
            .all(|(parameter, value)| cell.has(parameter, value))
    }
}

/// Reads the presets and checks their names against each other.
pub(super) fn presets(
    sections: &[Section<'_>],
    reader: &mut Reader<'_>,
    faults: &mut Faults,
) -> Vec<Preset> {
    let mut presets: Vec<Preset> = Vec::new();
    let mut names = HashSet::new();
    for section in sections {
        if faults.full() {
            break;
        }
        if let Some(preset) = faults.take(preset(section, reader)) {
            if names.insert(preset.name.clone()) {
                presets.push(preset);
            } else if let Some(field) = section.get(&PRESET_NAME) {
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

fn preset(section: &Section<'_>, reader: &mut Reader<'_>) -> Checked<Preset> {
    let place = section.at.unwrap_or_default();
    let Some(name) = section.get(&PRESET_NAME) else {
        let problem = SpecProblem::Missing {
            key: format!("the name of preset {}", section.number),
            hint: "add name = \"subtle\"".to_owned(),
        };
        return Err(problem.at(place));
    };
    let name = preset_name(name)?;
    let mut overrides = Overrides::default();
    for (parameter, field) in section.parameters() {
        let value = reader.value(parameter, single(field)?)?;
        overrides = overrides.with(parameter, value);
    }
    for (stage, section) in &section.stages {
        let mut own = Overrides::default();
        for (parameter, field) in section.parameters() {
            own = own.with(parameter, reader.value(parameter, single(field)?)?);
        }
        overrides = overrides.with_stage(stage, own);
    }
    if overrides.is_empty() {
        let problem = SpecProblem::EmptyPreset {
            preset: format!("the preset {}", quoted(&name)),
        };
        return Err(problem.at(place));
    }
    Ok(Preset { name, overrides })
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

/// The field, if it is a single value and not a list or range.
pub(super) fn single(field: Field<'_>) -> Checked<Field<'_>> {
    use toml::de::DeValue::{Array, Table};
    let may_be_table = field.key.entry == Entry::Parameter(Parameter::Mask);
    if !matches!(field.value, Array(_) | Table(_))
        || may_be_table && matches!(field.value, Table(_))
    {
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

/// Checks the presets against `[sweep]`: none may set an axis, and no two may set the same values.
pub(super) fn check_presets(spec: &SweepSpec, sections: &[Section<'_>], faults: &mut Faults) {
    for (parameter, field) in sections.iter().flat_map(Section::parameters) {
        // In a chain, the plan finds out which stage a key belongs to.
        if spec.then.is_empty() && spec.count(parameter) > 1 {
            let problem = SpecProblem::PresetAxis {
                key: field.key.to_string(),
                parameter: parameter.to_string(),
            };
            faults.push(problem.at(field.at));
        }
    }
    let mut seen: HashMap<Vec<Option<&Value>>, Vec<&Preset>> = HashMap::new();
    for (preset, section) in spec.presets.iter().zip(sections) {
        let meaning = Parameter::DEFINED.map(|parameter| {
            let own = preset.overrides.get(parameter);
            own.or(spec.values[parameter]
                .first()
                .filter(|_| parameter != Parameter::Preset))
        });
        let meaning: Vec<Option<&Value>> = meaning.into();
        let known = seen.entry(meaning).or_default();
        let is_same = |first: &&&Preset| first.overrides.stages == preset.overrides.stages;
        if let Some(first) = known.iter().find(is_same) {
            let problem = SpecProblem::SamePresets {
                first: quoted(&first.name),
                second: quoted(&preset.name),
            };
            faults.push(problem.at(section.at.unwrap_or_default()));
        }
        known.push(preset);
    }
}

/// Reads the exclusions and checks that each key can match a cell.
pub(super) fn excludes(
    spec: &SweepSpec,
    sections: &[Section<'_>],
    base: &Base,
    faults: &mut Faults,
) -> Vec<Overrides> {
    let mut occurring = HashMap::new();
    let mut excludes = Vec::new();
    for section in sections {
        if section.fields().is_empty() && section.stages.is_empty() && section.at.is_some() {
            let problem = SpecProblem::EmptyExclude {
                exclude: format!("exclude {}", section.number),
            };
            faults.push(problem.at(section.at.unwrap_or_default()));
        }
        let mut exclude = Overrides::default();
        for (parameter, field) in section.parameters() {
            if faults.full() {
                return excludes;
            }
            let read = single(field).and_then(|field| matched(parameter, field, base));
            let Some(value) = faults.take(read) else {
                continue;
            };
            let known = occurring
                .entry(parameter)
                .or_insert_with(|| UsedValues::of(spec, parameter));
            // In a chain, the plan finds out which stage a key belongs to.
            if let Some(problem) = known.never_matches(field.key, &value)
                && spec.then.is_empty()
            {
                faults.push(problem.at(field.at));
            }
            exclude = exclude.with(parameter, value);
        }
        for (stage, section) in &section.stages {
            let mut own = Overrides::default();
            for (parameter, field) in section.parameters() {
                let read = single(field).and_then(|field| matched(parameter, field, base));
                if let Some(value) = faults.take(read) {
                    own = own.with(parameter, value);
                }
            }
            exclude = exclude.with_stage(stage, own);
        }
        excludes.push(exclude);
    }
    excludes
}

/// The values that cells of the sweep have for a parameter.
pub(super) struct UsedValues {
    parameter: Parameter,
    values: HashSet<Value>,
    /// Whether some values come from the models' own files, which have not been read yet.
    any: bool,
}

impl UsedValues {
    pub fn of(spec: &SweepSpec, parameter: Parameter) -> Self {
        let set_by = |preset: &Preset| preset.overrides.get(parameter).cloned();
        let mut values: HashSet<Value> = spec.presets.iter().filter_map(set_by).collect();
        let swept = spec.presets.is_empty() || spec.presets.iter().any(|p| set_by(p).is_none());
        if swept {
            values.extend(spec.values[parameter].iter().cloned());
            let then = spec.then.iter();
            values.extend(then.flat_map(|stage| stage.values[parameter].iter().cloned()));
        }
        let of_model = matches!(parameter.definition().unset, Unset::OfTheModel);
        Self {
            parameter,
            values,
            any: swept && of_model && spec.values[parameter].is_empty(),
        }
    }

    /// All of them as text, in no particular order.
    pub fn texts(&self) -> Vec<String> {
        self.values.iter().map(Value::to_string).collect()
    }

    /// The problem of a value that no cell has; `None` if some cell has it.
    pub fn never_matches(&self, key: Key, value: &Value) -> Option<SpecProblem> {
        if self.any || self.values.contains(value) {
            return None;
        }
        let parameter = self.parameter;
        Some(SpecProblem::NeverMatches {
            key: key.to_string(),
            parameter: parameter.to_string(),
            value: shown(value),
            hint: match self.nearest(&value.to_string()) {
                Some(near) => format!("the nearest value is {near}"),
                None => format!("the sweep has no {parameter}; take the key out"),
            },
        })
    }

    /// The value that was probably meant.
    fn nearest(&self, wanted: &str) -> Option<String> {
        let mut values = self.texts();
        values.sort_unstable();
        if self.parameter.definition().domain.is_number() {
            let number = |text: &str| text.parse::<f64>().ok();
            let wanted = number(wanted)?;
            let distances = values
                .into_iter()
                .filter_map(|text| Some(((number(&text)? - wanted).abs(), text)));
            return distances
                .min_by(|a, b| a.0.total_cmp(&b.0))
                .map(|(_, text)| text);
        }
        suggest::nearest(wanted, values.iter().map(String::as_str))
            .or(values.first().map(String::as_str))
            .map(quoted)
    }
}
