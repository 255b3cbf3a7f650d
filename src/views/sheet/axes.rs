//! Decides which axes become panels, rows and columns, and which is merged into the cells.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::plan::{Cell, Plan};
use crate::spec::SheetSpec;
use crate::vocabulary::Parameter;

/// A sequence of values along one side of the grid, or from panel to panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// One parameter, or several that vary together: those linked by presets or, if chosen cells stand in a row, all of
    /// them.
    pub parameters: Vec<Parameter>,
    /// For each position, the value of each parameter, as [`crate::vocabulary::Parameters::text`].
    pub values: Vec<Vec<String>>,
    positions: HashMap<Vec<String>, usize>,
}

impl Level {
    fn new(parameters: Vec<Parameter>, values: Vec<Vec<String>>) -> Self {
        let positions = values.iter().cloned().zip(0..).collect();
        Self {
            parameters,
            values,
            positions,
        }
    }

    /// Whether this level consists of this single parameter.
    pub fn is(&self, parameter: Parameter) -> bool {
        self.parameters == [parameter]
    }

    /// The position of a cell on this level.
    pub fn position(&self, cell: &Cell) -> usize {
        let values: Vec<String> = self
            .parameters
            .iter()
            .map(|&p| cell.parameters.text(p))
            .collect();
        self.positions.get(&values).copied().unwrap_or_default()
    }
}

/// The place of every varying parameter; outer levels come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrangement {
    /// Levels of panels: there is a panel for each combination.
    pub panels: Vec<Level>,
    /// Empty, rows, or super-rows and rows.
    pub rows: Vec<Level>,
    /// Empty, columns, or super-columns and columns.
    pub columns: Vec<Level>,
    /// The level whose images stand side by side within a cell.
    pub merge: Option<Level>,
    /// Parameters with the same value in all cells, with that value.
    pub constants: Vec<(Parameter, String)>,
}

impl Arrangement {
    /// Arranges the cells (indices into the plan) as the spec says, and by preference where it does not say; what is
    /// left becomes panels, inside those that the spec names. A parameter with one value in these cells is never an axis,
    /// whatever the spec says.
    pub fn new(plan: &Plan, cells: &[usize], spec: &SheetSpec) -> Self {
        let mut axes = linked(axes_of(plan, cells), plan, cells, spec);
        let mut constants = Vec::new();
        axes.retain(|level| match level.values.as_slice() {
            [single] => {
                constants.push((level.parameters[0], single[0].clone()));
                false
            }
            _ => true,
        });
        let mut take = |wanted: Option<Parameter>| {
            let index = axes
                .iter()
                .position(|level| Some(level.parameters[0]) == wanted)?;
            Some(axes.remove(index))
        };
        let merge = take(spec.merge);
        let super_rows = take(spec.super_rows);
        let super_columns = take(spec.super_columns);
        let rows = take(spec.rows);
        let columns = take(spec.columns);
        let mut panels: Vec<Level> = spec.panels.iter().filter_map(|&p| take(Some(p))).collect();
        let mut preferred = Parameter::PREFERRED.into_iter();
        let columns = columns.or_else(|| preferred.find_map(|p| take(Some(p))));
        let rows = rows.or_else(|| preferred.find_map(|p| take(Some(p))));
        panels.extend(axes);
        Self {
            panels,
            rows: super_rows.into_iter().chain(rows).collect(),
            columns: super_columns.into_iter().chain(columns).collect(),
            merge,
            constants,
        }
    }

    /// The arrangement with the first panel levels moved around the rows and columns, if `spec` leaves these free:
    /// among the ways in which the grid `fits`, the one that moves the most levels and comes nearest to the best
    /// proportions. Panels that `spec` names stay panels, and so do photographs of different shapes, so that their boxes
    /// can differ in size.
    pub fn with_super_axes(
        self,
        plan: &Plan,
        cells: &[usize],
        spec: &SheetSpec,
        fits: impl Fn((usize, usize)) -> Option<f64>,
    ) -> Self {
        let same_shape = |level: &Level| {
            let shape = |cell: usize| (plan.cells[cell].width, plan.cells[cell].height);
            let first = cells.first().map(|&cell| shape(cell));
            !level.is(Parameter::Image) || cells.iter().all(|&cell| Some(shape(cell)) == first)
        };
        let ranked = Parameter::PREFERRED.iter().filter_map(|wanted| {
            let is_wanted = |level: &&Level| level.parameters.first() == Some(wanted);
            self.panels
                .iter()
                .filter(|level| same_shape(level) && !spec.panels.contains(&level.parameters[0]))
                .find(is_wanted)
        });
        let free: Vec<Level> = ranked.cloned().collect();
        let (first, second) = (free.first(), free.get(1));
        let ways = [
            (first, second),
            (second, first),
            (first, None),
            (None, first),
        ];
        let mut found: Vec<(usize, f64, Self)> = Vec::new();
        for (around_rows, around_columns) in ways {
            let count = usize::from(around_rows.is_some()) + usize::from(around_columns.is_some());
            let Some(arranged) = self.clone().around(around_rows, around_columns) else {
                continue;
            };
            if count > 0
                && let Some(skew) = fits(arranged.extent())
            {
                found.push((count, skew, arranged));
            }
        }
        let best = found.into_iter().min_by(|a, b| {
            (b.0, a.1)
                .partial_cmp(&(a.0, b.1))
                .unwrap_or(Ordering::Equal)
        });
        best.map_or(self, |(_, _, arranged)| arranged)
    }

    /// Moves these panel levels around rows and columns; `None` if the place is taken or there is nothing to put them
    /// around.
    fn around(mut self, rows: Option<&Level>, columns: Option<&Level>) -> Option<Self> {
        for (level, side) in [(rows, &mut self.rows), (columns, &mut self.columns)] {
            let Some(level) = level else { continue };
            if side.len() != 1 {
                return None;
            }
            side.insert(0, level.clone());
            self.panels.retain(|panel| panel != level);
        }
        Some(self)
    }

    /// Columns and rows of a complete panel.
    fn extent(&self) -> (usize, usize) {
        let count = |levels: &[Level]| levels.iter().map(|level| level.values.len()).product();
        (count(&self.columns), count(&self.rows))
    }

    /// The arrangement of scattered cells: in a row, each labelled with everything that varies.
    pub fn gallery(plan: &Plan, cells: &[usize]) -> Self {
        let (varying, constant): (Vec<_>, Vec<_>) = axes_of(plan, cells)
            .into_iter()
            .partition(|level| level.values.len() > 1);
        let parameters: Vec<Parameter> = varying.iter().map(|level| level.parameters[0]).collect();
        let mut values = Vec::new();
        for &cell in cells {
            let own = parameters
                .iter()
                .map(|&p| plan.cells[cell].parameters.text(p))
                .collect();
            if !values.contains(&own) {
                values.push(own);
            }
        }
        let columns = if parameters.is_empty() {
            Vec::new()
        } else {
            vec![Level::new(parameters, values)]
        };
        let constants = constant
            .into_iter()
            .map(|level| (level.parameters[0], level.values[0][0].clone()));
        Self {
            panels: Vec::new(),
            rows: Vec::new(),
            columns,
            merge: None,
            constants: constants.collect(),
        }
    }

    /// The index of the level of rows or columns along which the input image varies.
    pub fn image_depth(&self) -> usize {
        let depth = |levels: &[Level]| {
            levels
                .iter()
                .position(|level| level.parameters.contains(&Parameter::Image))
        };
        depth(&self.rows)
            .or(depth(&self.columns))
            .unwrap_or_default()
    }

    /// Where the input image varies.
    pub fn image(&self) -> ImagePlace {
        let has = |levels: &[Level]| {
            levels
                .iter()
                .any(|l| l.parameters.contains(&Parameter::Image))
        };
        if self
            .merge
            .as_ref()
            .is_some_and(|level| level.is(Parameter::Image))
        {
            ImagePlace::Merged
        } else if has(&self.rows) {
            ImagePlace::Rows
        } else if has(&self.columns) {
            ImagePlace::Columns
        } else {
            ImagePlace::Panel
        }
    }
}

/// Where the parameter `image` varies, and so where inputs are to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImagePlace {
    /// It is the same within a panel.
    Panel,
    /// It varies along the rows.
    Rows,
    /// It varies along the columns.
    Columns,
    /// It is the same everywhere: the input is shown once a page, beside the panels.
    Page,
    /// It varies within a cell, so there is no place for inputs.
    Merged,
}

/// Joins to the presets each parameter that has one value in every preset and no place of its own; otherwise every
/// preset would become a panel of one row or column.
fn linked(axes: Vec<Level>, plan: &Plan, cells: &[usize], spec: &SheetSpec) -> Vec<Level> {
    let sides = [
        spec.rows,
        spec.columns,
        spec.super_rows,
        spec.super_columns,
        spec.merge,
    ];
    let text = |cell: usize, parameter| plan.cells[cell].parameters.text(parameter);
    let Some(presets) = axes
        .iter()
        .find(|level| level.is(Parameter::Preset) && level.values.len() > 1)
    else {
        return axes;
    };
    // For each preset, the first cell that has it.
    let mut examples = vec![None; presets.values.len()];
    for &cell in cells {
        examples[presets.position(&plan.cells[cell])].get_or_insert(cell);
    }
    let examples: Vec<usize> = examples.into_iter().flatten().collect();
    let is_linked = |level: &Level| {
        let parameter = level.parameters[0];
        let like_example = |&cell: &usize| {
            text(cell, parameter) == text(examples[presets.position(&plan.cells[cell])], parameter)
        };
        parameter != Parameter::Preset
            && level.values.len() > 1
            && !sides.contains(&Some(parameter))
            && !spec.panels.contains(&parameter)
            && cells.iter().all(like_example)
    };
    let (joined, mut rest): (Vec<Level>, Vec<Level>) = axes.iter().cloned().partition(is_linked);
    let mut parameters = vec![Parameter::Preset];
    parameters.extend(joined.iter().map(|level| level.parameters[0]));
    let values = examples
        .iter()
        .map(|&cell| parameters.iter().map(|&p| text(cell, p)).collect())
        .collect();
    let place = rest.iter().position(|level| level.is(Parameter::Preset));
    if let (Some(place), false) = (place, joined.is_empty()) {
        rest[place] = Level::new(parameters, values);
    }
    rest
}

/// The values of each parameter in these cells, in the order of the plan's axes. Values that only a preset sets come
/// last.
fn axes_of(plan: &Plan, cells: &[usize]) -> Vec<Level> {
    Parameter::ALL
        .into_iter()
        .map(|parameter| {
            let mut rank: HashMap<&str, usize> = HashMap::new();
            for axis in plan.axes.iter().filter(|axis| axis.parameter == parameter) {
                rank.extend(axis.values.iter().map(String::as_str).zip(0..));
            }
            let mut seen: HashMap<String, usize> = HashMap::new();
            for &cell in cells {
                let value = plan.cells[cell].parameters.text(parameter);
                let later = rank.len() + seen.len();
                let place = rank.get(value.as_str()).copied().unwrap_or(later);
                seen.entry(value).or_insert(place);
            }
            let mut values: Vec<(usize, String)> =
                seen.into_iter().map(|(v, place)| (place, v)).collect();
            values.sort();
            Level::new(
                vec![parameter],
                values.into_iter().map(|(_, value)| vec![value]).collect(),
            )
        })
        .collect()
}
