//! The axes of a sweep: the parameters that differ between its cells.

use std::collections::HashSet;

use super::Axis;
use crate::spec::Preset;
use crate::vocabulary::{Parameter, Parameters};

/// The values of a parameter in the cells, as text, in order of appearance.
fn values_of(parameter: Parameter, cells: &[Parameters]) -> Vec<String> {
    let (mut seen, mut values) = (HashSet::new(), Vec::new());
    let mut last = None;
    for cell in cells {
        // Most cells have the same value as the cell before.
        if last
            .as_ref()
            .is_some_and(|value| cell.has(parameter, value))
        {
            continue;
        }
        let value = cell.value(parameter);
        let text = value.to_string();
        if seen.insert(text.clone()) {
            values.push(text);
        }
        last = Some(value);
    }
    values
}

/// The parameters with more than one value, with these values in order of appearance. Parameters that vary only with
/// the preset are shown by the preset's name and are no axes of their own.
pub(super) fn axes(presets: &[Preset], cells: &[Parameters]) -> Vec<Axis> {
    let linked = |parameter: Parameter| {
        let mut presets = presets.iter();
        presets.any(|preset| preset.overrides.get(parameter).is_some())
    };
    Parameter::ALL
        .into_iter()
        .filter(|&parameter| !linked(parameter))
        .map(|parameter| {
            let values = values_of(parameter, cells);
            Axis { parameter, values }
        })
        .filter(|axis: &Axis| axis.values.len() > 1)
        .collect()
}
