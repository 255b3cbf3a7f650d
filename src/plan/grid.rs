//! The Cartesian product of everything that a sweep varies, with presets applied.

use std::collections::HashSet;

use super::ModelEntry;
use crate::spec::Preset;
use crate::vocabulary::{ByParameter, Parameter, Parameters, SchedulerKind, Value};

/// Makes the Cartesian product.
pub(super) fn grid(
    values: &ByParameter<Vec<Value>>,
    presets: &[Preset],
    models: &[ModelEntry],
) -> Vec<Parameters> {
    let mut grid = vec![Parameters::default()];
    for parameter in Parameter::NESTED {
        // A preset sets several parameters, any other value only its own.
        grid = if parameter == Parameter::Preset {
            vary(grid, presets, Preset::apply)
        } else {
            vary(grid, &values[parameter], |value, cell| {
                cell.set(parameter, value);
            })
        };
    }
    let swept = !values[Parameter::Scheduler].is_empty();
    let sets_it = |preset: &&Preset| preset.overrides.get(Parameter::Scheduler).is_some();
    let setting = presets.iter().filter(sets_it);
    let setting: HashSet<&str> = setting.map(|preset| preset.name.as_str()).collect();
    for cell in &mut grid {
        let preset = cell.preset.as_deref();
        let is_set = swept || preset.is_some_and(|name| setting.contains(name));
        if !is_set && let Some(kind) = own_scheduler(models, &cell.model) {
            cell.scheduler = kind;
        }
    }
    grid
}

/// The scheduler in a model's own files.
fn own_scheduler(models: &[ModelEntry], model: &str) -> Option<SchedulerKind> {
    let mut models = models.iter();
    models
        .find(|entry| entry.name == model)
        .map(|entry| entry.scheduler)
}

/// Combines every cell with every value; without values the cells stay as they are (presets or the model set the
/// parameter).
fn vary<T>(
    mut cells: Vec<Parameters>,
    values: &[T],
    set: impl Fn(&T, &mut Parameters),
) -> Vec<Parameters> {
    match values {
        [] => return cells,
        // Most parameters have one value: avoid copying a million cells for each of them.
        [value] => {
            cells.iter_mut().for_each(|cell| set(value, cell));
            return cells;
        }
        [_, _, ..] => {}
    }
    let mut varied = Vec::with_capacity(cells.len() * values.len());
    for cell in &cells {
        for value in values {
            let mut cell = cell.clone();
            set(value, &mut cell);
            varied.push(cell);
        }
    }
    varied
}

impl Preset {
    /// Sets the preset's values in a cell, and its name.
    fn apply(&self, cell: &mut Parameters) {
        for (parameter, value) in self.overrides.iter() {
            cell.set(parameter, value);
        }
        cell.set(Parameter::Preset, &Value::from(self.name.as_str()));
    }
}
