//! The values of parameters, as their domains say.

use std::collections::HashSet;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::error::SpecProblem;
use super::fault::{Checked, quoted};
use super::number::{Limits, number, numbers};
use super::path::Base;
use super::raw::Field;
use super::{NamedPath, text};
use crate::vocabulary::{ByParameter, Domain, Parameter, Scale, SchedulerKind, Value};

/// Reads values, and gathers the files that they name.
pub(super) struct Reader<'a> {
    pub base: &'a Base,
    /// Those of each parameter whose values are files or folders, each once.
    pub files: ByParameter<Vec<NamedPath>>,
    known: HashSet<(Parameter, String)>,
}

impl<'a> Reader<'a> {
    pub fn new(base: &'a Base) -> Self {
        Self {
            base,
            files: ByParameter::default(),
            known: HashSet::new(),
        }
    }

    /// All values of a parameter: one, a list, or a range of numbers. Neither empty nor with duplicates.
    pub fn values(&mut self, parameter: Parameter, field: Field<'_>) -> Checked<Vec<Value>> {
        match parameter.definition().domain {
            Domain::Folder => Ok(self.keep(parameter, self.base.folders(field)?)),
            Domain::File => Ok(self.keep(parameter, self.base.files(field)?)),
            Domain::Text | Domain::Preset => distinct(field, text::prompt),
            Domain::Decimal { min, max } => {
                let numbers = numbers(field, Limits::between(min, max))?;
                Ok(numbers.into_iter().map(decimal).collect())
            }
            Domain::Whole { min, max } => {
                let numbers = numbers(field, Limits::whole(min, max))?;
                Ok(numbers.into_iter().filter_map(whole).collect())
            }
            Domain::Scheduler => distinct(field, scheduler),
        }
    }

    /// One value of a parameter; a file must exist.
    pub fn value(&mut self, parameter: Parameter, field: Field<'_>) -> Checked<Value> {
        let path = match parameter.definition().domain {
            Domain::Folder => self.base.folder(field)?,
            Domain::File => self.base.file(field)?,
            Domain::Text
            | Domain::Preset
            | Domain::Decimal { .. }
            | Domain::Whole { .. }
            | Domain::Scheduler => return matched(parameter, field, self.base),
        };
        let value = Value::Text(path.name.clone());
        self.keep(parameter, vec![path]);
        Ok(value)
    }

    /// The names of files, which are kept.
    fn keep(&mut self, parameter: Parameter, paths: Vec<NamedPath>) -> Vec<Value> {
        for path in &paths {
            if self.known.insert((parameter, path.name.clone())) {
                self.files[parameter].push(path.clone());
            }
        }
        paths
            .into_iter()
            .map(|path| Value::Text(path.name))
            .collect()
    }
}

/// One value of a parameter, to be compared with those that cells have; a file need not exist.
pub(super) fn matched(parameter: Parameter, field: Field<'_>, base: &Base) -> Checked<Value> {
    match parameter.definition().domain {
        Domain::Folder | Domain::File => base.name(field).map(Value::Text),
        Domain::Text => text::prompt(field).map(Value::Text),
        Domain::Preset => Ok(Value::from(field.text()?)),
        Domain::Decimal { min, max } => Ok(decimal(number(field, Limits::between(min, max))?)),
        Domain::Whole { min, max } => {
            let number = number(field, Limits::whole(min, max))?;
            Ok(whole(number).unwrap_or(Value::Whole(max)))
        }
        Domain::Scheduler => scheduler(field).map(Value::Scheduler),
    }
}

fn decimal(number: Decimal) -> Value {
    Value::Decimal(Scale::new(number))
}

/// A whole number; within its limits none is beyond u64.
fn whole(number: Decimal) -> Option<Value> {
    number.to_u64().map(Value::Whole)
}

/// One value or a list, read item by item, without duplicates.
fn distinct<'t, T: Into<Value>>(
    field: Field<'t>,
    read: impl Fn(Field<'t>) -> Checked<T>,
) -> Checked<Vec<Value>> {
    let mut seen = HashSet::new();
    let mut values = Vec::new();
    for item in field.items()? {
        let value = read(item)?.into();
        if !seen.insert(value.clone()) {
            let problem = SpecProblem::Duplicate {
                key: field.key.to_string(),
                value: shown(&value),
            };
            return Err(problem.at(item.at));
        }
        values.push(value);
    }
    Ok(values)
}

/// A value as messages show it: text in quotes.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::Decimal(_) | Value::Whole(_) | Value::Scheduler(_) => value.to_string(),
    }
}

/// One scheduler.
fn scheduler(field: Field<'_>) -> Checked<SchedulerKind> {
    let text = field.text()?;
    SchedulerKind::from_name(text).ok_or_else(|| {
        field.unknown_name(
            "scheduler",
            text,
            &SchedulerKind::ALL.map(SchedulerKind::name),
        )
    })
}
