//! Finds which cell of one run corresponds to which cell of another.
//!
//! Two cells match if all parameters are equal, except those that have a single value in each run: another model,
//! scheduler or number of steps for the whole run is what one compares. Images and models are equal if their bytes are,
//! whatever their names; the name of a preset does not count, only what it sets.

use std::collections::{BTreeSet, HashMap};

use crate::plan::Plan;
use crate::store::Run;
use crate::vocabulary::{Parameter, Parameters, Record};

/// A property that all matched cells of each run share, with a different value in each run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// A parameter, `size`, `device` or `precision`.
    pub name: &'static str,
    /// The value in the first and in the second run.
    pub values: [String; 2],
}

/// Which cells correspond; cells are indices into [`Plan::cells`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matching {
    /// What distinguishes the two runs as a whole.
    pub settings: Vec<Setting>,
    /// The parameters that vary in either run and have to match, in nesting order.
    pub axes: Vec<Parameter>,
    /// The matching cells of both runs, in the order of the first run.
    pub pairs: Vec<[usize; 2]>,
    /// Cells without a match, in the first and the second run.
    pub alone: [Vec<usize>; 2],
    /// Cells that cannot be told apart from others of their own run, in the first and the second run.
    pub ambiguous: [Vec<usize>; 2],
}

/// Matches the cells of two runs.
pub fn match_cells(runs: [&Run; 2]) -> Matching {
    let plans = runs.map(|run| &*run.plan);
    let spread = plans.map(Spread::of);
    let counted: Vec<Parameter> = Parameter::ALL
        .into_iter()
        .filter(|&parameter| counts(parameter, &spread))
        .collect();
    let axes = counted.iter().copied().filter(|parameter| {
        let values = spread.each_ref().map(|spread| spread.values(*parameter));
        values.iter().any(|values| values.len() > 1)
    });
    let groups = plans.map(|plan| groups(plan, &counted));
    let mut matching = Matching {
        settings: Vec::new(),
        axes: axes.collect(),
        pairs: Vec::new(),
        alone: Default::default(),
        ambiguous: Default::default(),
    };
    for which in [0, 1] {
        let other = &groups[1 - which];
        let is_ambiguous = |key: &Vec<String>| {
            [&groups[which], other]
                .iter()
                .any(|groups| groups.get(key).is_some_and(|cells| cells.len() > 1))
        };
        for (index, cell) in plans[which].cells.iter().enumerate() {
            let key = key(plans[which], &cell.parameters, &counted);
            match other.get(&key) {
                None => matching.alone[which].push(index),
                Some(_) if is_ambiguous(&key) => matching.ambiguous[which].push(index),
                Some(partners) if which == 0 => matching.pairs.push([index, partners[0]]),
                Some(_) => {}
            }
        }
    }
    matching.settings = settings(runs, &spread, &matching.pairs);
    matching
}

/// Why no cells match: the first parameter that has no value in common.
pub(super) fn why_nothing_matches(runs: [&Run; 2]) -> String {
    let spread = runs.map(|run| Spread::of(&run.plan));
    let apart = Parameter::ALL
        .into_iter()
        .filter(|&parameter| counts(parameter, &spread))
        .find(|&parameter| {
            let [one, other] = spread.each_ref().map(|spread| spread.values(parameter));
            one.is_disjoint(other)
        });
    match apart {
        Some(parameter) => format!("they have no {parameter} in common"),
        None => "they have no combination of parameters in common".to_owned(),
    }
}

/// The axes in which these cells of a plan differ.
pub(super) fn distinguishing(
    plan: &Plan,
    axes: &[Parameter],
    cells: impl Iterator<Item = usize> + Clone,
) -> Vec<Parameter> {
    let differs = |axis: &&Parameter| {
        let values = cells.clone();
        let values = values.map(|cell| plan.cells[cell].parameters.text(**axis));
        values.collect::<BTreeSet<_>>().len() > 1
    };
    axes.iter().filter(differs).copied().collect()
}

/// The values that distinguish a cell from others, or its key if there are none. The fastest-varying value comes first:
/// if a label is cut, only an instruction or a path loses its end.
pub(super) fn label(parameters: &Parameters, axes: &[Parameter], key: &str) -> String {
    let values: Vec<String> = axes
        .iter()
        .rev()
        .map(|&axis| format!("{axis} {}", parameters.text(axis)))
        .collect();
    if values.is_empty() {
        key.to_owned()
    } else {
        values.join(", ")
    }
}

/// The distinct values of each parameter, in the form used for matching.
struct Spread(HashMap<Parameter, BTreeSet<String>>);

impl Spread {
    fn of(plan: &Plan) -> Self {
        let mut values: HashMap<Parameter, BTreeSet<String>> = HashMap::new();
        for parameter in Parameter::ALL {
            let of_cells = plan
                .cells
                .iter()
                .map(|cell| value(plan, &cell.parameters, parameter));
            values.insert(parameter, of_cells.collect());
        }
        Self(values)
    }

    fn values(&self, parameter: Parameter) -> &BTreeSet<String> {
        &self.0[&parameter]
    }
}

/// Whether a parameter has to be equal in both cells of a pair.
fn counts(parameter: Parameter, spread: &[Spread; 2]) -> bool {
    let [one, other] = spread.each_ref().map(|spread| spread.values(parameter));
    let varies = one.len() > 1 || other.len() > 1;
    // Edits of different images have nothing to do with each other.
    let is_told = parameter == Parameter::Image || varies || one == other;
    parameter != Parameter::Preset && is_told
}

/// A value in the form used for matching: images and models by their bytes.
fn value(plan: &Plan, parameters: &Parameters, parameter: Parameter) -> String {
    let text = parameters.text(parameter);
    let digest = if parameter == Parameter::Image {
        // An image made by an earlier stage is identified by its name, which is made of the stage and the varying
        // values. Its recipe would differ with the model, and that is what one compares.
        let image = plan.image(&text).filter(|image| image.cell.is_none());
        image.map(|image| &image.sha256)
    } else if parameter == Parameter::Model {
        plan.model(&text).map(|model| &model.sha256)
    } else {
        None
    };
    digest.cloned().unwrap_or(text)
}

fn key(plan: &Plan, parameters: &Parameters, counted: &[Parameter]) -> Vec<String> {
    counted
        .iter()
        .map(|&parameter| value(plan, parameters, parameter))
        .collect()
}

fn groups(plan: &Plan, counted: &[Parameter]) -> HashMap<Vec<String>, Vec<usize>> {
    let mut groups: HashMap<Vec<String>, Vec<usize>> = HashMap::new();
    for (index, cell) in plan.cells.iter().enumerate() {
        groups
            .entry(key(plan, &cell.parameters, counted))
            .or_default()
            .push(index);
    }
    groups
}

/// The properties that distinguish the cells of these pairs as a whole.
fn settings(runs: [&Run; 2], spread: &[Spread; 2], pairs: &[[usize; 2]]) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    for parameter in Parameter::ALL {
        if parameter != Parameter::Preset && !counts(parameter, spread) {
            let values = runs.map(|run| {
                let first = run.plan.cells.first();
                first
                    .map(|cell| cell.parameters.text(parameter))
                    .unwrap_or_default()
            });
            settings.push(Setting {
                name: parameter.key(),
                values,
            });
        }
    }
    let cells = |which: usize| pairs.iter().map(move |pair| pair[which]);
    let sizes = [0, 1].map(|which| size(&runs[which].plan, cells(which)));
    if let [Some(a), Some(b)] = sizes
        && a != b
    {
        settings.push(Setting {
            name: "size",
            values: [a, b],
        });
    }
    let mut recorded = |name, value: fn(&Record) -> &str| {
        let values = [0, 1].map(|which| of_records(runs[which], cells(which), value));
        if values[0] != values[1] {
            let values = values.map(|values| values.into_iter().collect::<Vec<_>>().join(", "));
            settings.push(Setting { name, values });
        }
    };
    recorded("device", |record| &record.device);
    recorded("precision", |record| &record.precision);
    settings
}

/// The size of these cells, if they all have the same.
fn size(plan: &Plan, cells: impl Iterator<Item = usize>) -> Option<String> {
    let mut sizes = cells.map(|cell| (plan.cells[cell].width, plan.cells[cell].height));
    let (width, height) = sizes.next()?;
    let is_same = sizes.all(|size| size == (width, height));
    is_same.then(|| format!("{width} × {height}"))
}

fn of_records(
    run: &Run,
    cells: impl Iterator<Item = usize>,
    value: fn(&Record) -> &str,
) -> BTreeSet<&str> {
    let keys = cells.map(|cell| &run.plan.cells[cell].key);
    keys.filter_map(|key| run.records.get(key))
        .map(value)
        .collect()
}
