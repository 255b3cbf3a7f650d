//! `[[then]]`: the stages that follow the first.

use std::collections::{BTreeSet, HashSet};

use toml::de::DeValue;

use super::StageSpec;
use super::definitions::{OUTSIDES, Setting, THEN_NAME, THEN_ONLY_MASKED, THEN_OUTSIDE};
use super::error::SpecProblem;
use super::fault::{Checked, Faults, quoted};
use super::keys::Table;
use super::number::{Limits, number};
use super::raw::{Field, Section};
use super::values::Reader;
use crate::pipeline::Masking;
use crate::vocabulary::{ByParameter, Parameter, Unset, Value};
use rust_decimal::prelude::ToPrimitive;

/// The value of a stage's `seed` that takes over the seed of the cell it works on.
const SAME: &str = "same";

/// Reads the stages in order. `first` holds the values of the first stage.
pub(super) fn then(
    sections: &[Section<'_>],
    first: &ByParameter<Vec<Value>>,
    presets: &[Section<'_>],
    reader: &mut Reader<'_>,
    faults: &mut Faults,
) -> Vec<StageSpec> {
    let mut models = first[Parameter::Model].clone();
    let mut names = HashSet::new();
    let mut stages = Vec::new();
    for section in sections {
        if faults.full() {
            break;
        }
        let stage = stage(section, (&models, presets), reader, faults);
        models.clone_from(&stage.values[Parameter::Model]);
        if let (Some(name), Some(field)) = (&stage.name, section.get(&THEN_NAME))
            && !names.insert(name.clone())
        {
            let problem = SpecProblem::Duplicate {
                key: "the name of stages".to_owned(),
                value: quoted(name),
            };
            faults.push(problem.at(field.at));
        }
        stages.push(stage);
    }
    stages
}

fn stage(
    section: &Section<'_>,
    (models, presets): (&[Value], &[Section<'_>]),
    reader: &mut Reader<'_>,
    faults: &mut Faults,
) -> StageSpec {
    let mut values: ByParameter<Vec<Value>> = ByParameter::default();
    let mut typed = BTreeSet::new();
    let mut same_seed = false;
    for (parameter, field) in section.parameters() {
        typed.insert(parameter);
        if parameter == Parameter::Seed && is_same(field) {
            same_seed = true;
            continue;
        }
        values[parameter] = reader.values(parameter, field, faults);
    }
    for parameter in Parameter::DEFINED {
        let own = &mut values[parameter];
        match &parameter.definition().unset {
            _ if !own.is_empty() || typed.contains(&parameter) && !same_seed => {}
            Unset::Required(_) if parameter == Parameter::Model => own.extend_from_slice(models),
            // Which stage a preset's key belongs to is known only once the models are read.
            Unset::Required(_) if presets.iter().any(|preset| preset.has(parameter)) => {}
            Unset::Required(_) => faults.push(missing(section, parameter)),
            Unset::Default(value) => own.push(value.clone()),
            Unset::OfTheModel | Unset::Nothing => {}
        }
    }
    StageSpec {
        name: section
            .get(&THEN_NAME)
            .and_then(|field| faults.take(stage_name(field))),
        values,
        typed,
        same_seed,
        masking: masking(section, [&THEN_OUTSIDE, &THEN_ONLY_MASKED], faults),
    }
}

fn is_same(field: Field<'_>) -> bool {
    matches!(field.value, DeValue::String(text) if text == SAME)
}

fn missing(section: &Section<'_>, parameter: Parameter) -> super::fault::Fault {
    let problem = SpecProblem::Missing {
        key: format!("{parameter} of then {}", section.number),
        hint: format!(
            "add it under that [[then]]: {parameter} = {}",
            parameter.definition().example
        ),
    };
    problem.at(section.at.unwrap_or_default())
}

/// A name simple enough for flags and file names.
fn stage_name(field: Field<'_>) -> Checked<String> {
    let name = field.text()?;
    if Parameter::DEFINED
        .into_iter()
        .any(|key| Table::Exclude.find(name) == Some(key.into()))
    {
        let problem = SpecProblem::BadName {
            value: quoted(name),
            reason: "it is a key of stages",
            hint: "choose another, e.g. name = \"repaint\"".to_owned(),
        };
        return Err(problem.at(field.at));
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if (1..=24).contains(&name.len()) && name.chars().all(plain) {
        return Ok(name.to_owned());
    }
    let problem = SpecProblem::BadName {
        value: quoted(name),
        reason: "the name of a stage has 1 to 24 lower-case letters, digits, `-` and `_`",
        hint: "choose another, e.g. name = \"repaint\"".to_owned(),
    };
    Err(problem.at(field.at))
}

/// Reads how masks are treated; `settings` are the table's `outside` and `only_masked`.
pub(super) fn masking(
    section: &Section<'_>,
    [outside, only_masked]: [&'static Setting; 2],
    faults: &mut Faults,
) -> Masking {
    let outside = section.get(outside);
    let outside = outside.and_then(|field| faults.take(field.choice("choice", &OUTSIDES)));
    let only_masked = section.get(only_masked).and_then(|field| {
        let limits = Limits::whole(0_u32, super::definitions::SIDE.1);
        faults.take(number(field, limits))
    });
    Masking {
        outside: outside.unwrap_or_default(),
        only_masked: only_masked.and_then(|padding| padding.to_u32()),
    }
}
