//! Reads the values of parameters according to their domains.

use std::collections::HashSet;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::error::SpecProblem;
use super::fault::{Checked, Faults, quoted};
use super::number::{Limits, missed_end, number, numbers};
use super::path::Base;
use super::raw::Field;
use super::{NamedMask, NamedPath, masks, text};
use crate::vocabulary::{ByParameter, Domain, Parameter, Scale, SchedulerKind, Value};

/// Reads values and collects the files that they name.
pub(super) struct Reader<'a> {
    pub base: &'a Base,
    /// The files or folders named for each parameter, each once.
    pub files: ByParameter<Vec<NamedPath>>,
    /// The masks, each once.
    pub masks: Vec<NamedMask>,
    known: HashSet<(Parameter, String)>,
    /// Notes on what is not a fault but may surprise the user.
    pub notes: Vec<String>,
}

impl<'a> Reader<'a> {
    pub fn new(base: &'a Base) -> Self {
        Self {
            base,
            files: ByParameter::default(),
            masks: Vec::new(),
            known: HashSet::new(),
            notes: Vec::new(),
        }
    }

    /// All values of a parameter (one, a list, or a range of numbers), without duplicates. An empty list is a fault,
    /// and so is every wrong item.
    pub fn values(
        &mut self,
        parameter: Parameter,
        field: Field<'_>,
        faults: &mut Faults,
    ) -> Vec<Value> {
        let limits = match parameter.definition().domain {
            Domain::Folder => {
                let paths = each(field, faults, |item| Ok(vec![self.base.folder(item)?]));
                return self.keep(parameter, paths);
            }
            Domain::File => {
                let paths = each(field, faults, |item| self.base.matching_files(item));
                return self.keep(parameter, paths);
            }
            Domain::Mask => {
                let masks = each(field, faults, |item| masks::masks(item, self.base));
                return masks.into_iter().map(|mask| self.keep_mask(mask)).collect();
            }
            Domain::Text | Domain::Preset => return distinct(field, faults, text::prompt),
            Domain::Scheduler => return distinct(field, faults, scheduler),
            Domain::Decimal { min, max } => Limits::between(min, max),
            Domain::Whole { min, max } => whole_numbers(parameter, min, max),
        };
        let numbers = numbers(field, limits, faults);
        if let Some(&last) = numbers.last() {
            self.note_missed_end(field, limits, last);
        }
        let is_whole = matches!(parameter.definition().domain, Domain::Whole { .. });
        let values = numbers.into_iter();
        if is_whole {
            values.filter_map(whole).collect()
        } else {
            values.map(decimal).collect()
        }
    }

    fn note_missed_end(&mut self, field: Field<'_>, limits: Limits, last: Decimal) {
        if let Some([last, to]) = missed_end(field, limits, last) {
            let key = field.key;
            self.notes.push(format!(
                "{key} ends at {last}: its steps do not reach {to} exactly"
            ));
        }
    }

    /// A single value of a parameter; a file must exist.
    pub fn value(&mut self, parameter: Parameter, field: Field<'_>) -> Checked<Value> {
        let path = match parameter.definition().domain {
            Domain::Folder => self.base.folder(field)?,
            Domain::File => self.base.file(field)?,
            Domain::Mask => return Ok(self.keep_mask(masks::mask(field, self.base)?)),
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

    /// Keeps a mask and returns its name.
    fn keep_mask(&mut self, mask: NamedMask) -> Value {
        let name = Value::from(mask.name.as_str());
        if self.known.insert((Parameter::Mask, mask.name.clone())) {
            self.masks.push(mask);
        }
        name
    }

    /// Keeps files and returns their names.
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

/// A single value of a parameter, for comparison with those of cells; a file need not exist.
pub(super) fn matched(parameter: Parameter, field: Field<'_>, base: &Base) -> Checked<Value> {
    match parameter.definition().domain {
        Domain::Folder | Domain::File => base.name(field).map(Value::Text),
        Domain::Mask => masks::name(field, base).map(Value::Text),
        Domain::Text => text::prompt(field).map(Value::Text),
        Domain::Preset => Ok(Value::from(field.text()?)),
        Domain::Decimal { min, max } => Ok(decimal(number(field, Limits::between(min, max))?)),
        Domain::Whole { min, max } => {
            let number = number(field, whole_numbers(parameter, min, max))?;
            Ok(whole(number).unwrap_or(Value::Whole(max)))
        }
        Domain::Scheduler => scheduler(field).map(Value::Scheduler),
    }
}

/// The limits of an integer parameter.
fn whole_numbers(parameter: Parameter, min: u64, max: u64) -> Limits {
    Limits::whole(min, max).with_remedy_below(parameter.definition().below)
}

fn decimal(number: Decimal) -> Value {
    Value::Decimal(Scale::new(number))
}

/// A whole number; its limits ensure that it fits u64.
fn whole(number: Decimal) -> Option<Value> {
    number.to_u64().map(Value::Whole)
}

/// A single value or a list, read item by item, without duplicates.
fn distinct<'t, T: Into<Value>>(
    field: Field<'t>,
    faults: &mut Faults,
    read: impl Fn(Field<'t>) -> Checked<T>,
) -> Vec<Value> {
    each(field, faults, |item| Ok(vec![read(item)?.into()]))
}

/// Reads each item of a list and drops duplicates. A wrong item is a fault, and reading continues with the next.
fn each<'t, T: Named>(
    field: Field<'t>,
    faults: &mut Faults,
    read: impl Fn(Field<'t>) -> Checked<Vec<T>>,
) -> Vec<T> {
    let mut seen = HashSet::new();
    let mut values = Vec::new();
    for item in faults.take(field.items()).unwrap_or_default() {
        if faults.full() {
            break;
        }
        for value in faults.take(read(item)).unwrap_or_default() {
            if seen.insert(value.name()) {
                values.push(value);
            } else {
                let problem = SpecProblem::Duplicate {
                    key: item.key.to_string(),
                    value: shown(&value.name()),
                };
                faults.push(problem.at(item.at));
                break;
            }
        }
    }
    values
}

/// Values that are duplicates if their names are equal.
trait Named {
    fn name(&self) -> Value;
}

impl Named for Value {
    fn name(&self) -> Value {
        self.clone()
    }
}

impl Named for NamedPath {
    fn name(&self) -> Value {
        Value::from(self.name.as_str())
    }
}

impl Named for NamedMask {
    fn name(&self) -> Value {
        Value::from(self.name.as_str())
    }
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
    SchedulerKind::from_name(text).ok_or_else(|| match SchedulerKind::meant_by(text) {
        Some(kind) => {
            let problem = SpecProblem::UnknownName {
                key: field.key.to_string(),
                what: "scheduler",
                value: quoted(text),
                hint: format!("it is called {kind} here"),
            };
            problem.at(field.at)
        }
        None => field.unknown_name(
            "scheduler",
            text,
            &SchedulerKind::ALL.map(SchedulerKind::name),
        ),
    })
}
