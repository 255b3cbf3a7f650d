//! The report's data: a run in the form that the scripts need, as JSON that is safe inside HTML.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;
use serde::Serialize;

use super::chain::Chain;
use super::columns::{Columns, Row};
use super::inputs::{Inputs, Masks};
use super::memory::Memory;
use super::{ReportError, gain, thumbnails};
use crate::image::Fit;
use crate::judge::advice::advise;
use crate::plan::{Cell, Plan};
use crate::spec::{Numerics, SheetSpec};
use crate::store::{MissingInput, Run};
use crate::vocabulary::{CellKey, Domain, Parameter, Place, Record, Status};

/// The column of the advice, the last one of [`Data::words`].
const ADVICE: &str = "advice";

/// Where `[sheet]` puts axes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sides {
    rows: Option<Parameter>,
    columns: Option<Parameter>,
    super_rows: Option<Parameter>,
    super_columns: Option<Parameter>,
    merge: Option<Parameter>,
    panels: Vec<Parameter>,
}

impl Sides {
    fn of(sheet: &SheetSpec) -> Self {
        Self {
            rows: sheet.rows,
            columns: sheet.columns,
            super_rows: sheet.super_rows,
            super_columns: sheet.super_columns,
            merge: sheet.merge,
            panels: sheet.panels.clone(),
        }
    }
}

/// Everything that the scripts know.
#[derive(Debug, Serialize)]
pub(super) struct Data {
    name: String,
    /// The path from the page to the run folder; `None` if everything is inside the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    /// In a chain, the stage that is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    numerics: Numerics,
    fit: Fit,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<u32>,
    /// Whether colours of inputs were converted to sRGB.
    converted: bool,
    /// The initial amplification of differences.
    gain: u32,
    /// The sides and panels that the sweep file names; the page starts with them.
    sheet: Sides,
    /// The parameters that vary, slowest first; their values identify a cell.
    axes: Vec<Parameter>,
    parameters: Vec<ParameterValues>,
    /// Keys of [`CellData::numbers`].
    numbers: Vec<String>,
    /// Keys of [`CellData::words`].
    words: Vec<String>,
    inputs: Vec<InputData>,
    cells: Vec<CellData>,
    memory: Memory,
    /// Files of the masks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    masks: Vec<String>,
    /// In a chain, what the page needs from the other stages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chain: Option<Chain>,
}

/// A parameter: where and how a sweep file sets it, and its values as text, in the order of the plan.
#[derive(Debug, Serialize)]
struct ParameterValues {
    key: &'static str,
    place: &'static str,
    form: &'static str,
    values: Vec<String>,
}

#[derive(Debug, Serialize)]
struct InputData {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
}

#[derive(Debug, Serialize)]
struct CellData {
    key: String,
    status: &'static str,
    /// For each parameter, the index of the cell's value.
    values: Vec<usize>,
    width: u32,
    height: u32,
    /// Index of its input.
    input: Option<usize>,
    /// Index of its mask.
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnail: Option<String>,
    /// Whether it is the advised cell of its panel.
    #[serde(skip_serializing_if = "is_false")]
    advised: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    same_as: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    numbers: Vec<Option<f64>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    words: Vec<Option<String>>,
}

impl Data {
    /// Collects the data of a run.
    pub(super) fn new(
        run: &Run,
        inputs: &Inputs,
        thumbnails: &HashSet<CellKey>,
        base: &str,
    ) -> Self {
        let plan = &run.plan;
        let records = || {
            plan.cells
                .iter()
                .filter_map(|cell| run.records.get(&cell.key))
        };
        let mut columns = Columns::of(records());
        let advice = advise(run);
        let (advised, advice) = (advice.cells(), advice.texts());
        if !advice.is_empty() {
            columns.words.push(ADVICE.to_owned());
        }
        let parameters: Vec<_> = Parameter::ALL.map(|key| values(plan, key)).into();
        let masks = Masks::find(run);
        let cells = Gatherer {
            run,
            masks: &masks,
            inputs,
            thumbnails,
            base,
            columns: &columns,
            advice: &advice,
            advised: &advised,
            indices: parameters.iter().map(index).collect(),
        };
        Self {
            name: plan.name.clone(),
            base: Some(base.to_owned()),
            stage: stage(plan),
            numerics: plan.numerics,
            fit: plan.fit,
            resolution: plan.resolution,
            converted: plan.images.iter().any(|image| image.converted),
            gain: gain::suitable(run),
            sheet: Sides::of(&plan.sheet),
            axes: plan.axes.iter().map(|axis| axis.parameter).collect(),
            cells: plan.cells.iter().map(|cell| cells.cell(cell)).collect(),
            memory: Memory::of(records()),
            inputs: inputs.files.iter().map(|file| input(file, base)).collect(),
            numbers: columns.numbers,
            words: columns.words,
            parameters,
            masks: masks
                .files
                .iter()
                .map(|file| format!("{base}/{file}"))
                .collect(),
            chain: None,
        }
    }

    /// Embeds images in the page itself: `inline` turns each file, named relative to the run folder, into a URL.
    pub(super) fn embed(&mut self, inline: impl Fn(&str) -> Option<String> + Sync) {
        self.base = None;
        let inside = |file: &Option<String>| inline(file.as_ref()?.strip_prefix("../")?);
        self.cells.par_iter_mut().for_each(|cell| {
            cell.image = inside(&cell.image);
            cell.thumbnail = None;
        });
        for input in &mut self.inputs {
            input.file = inside(&input.file);
        }
        for mask in &mut self.masks {
            let file = Some(std::mem::take(mask));
            *mask = inside(&file).unwrap_or_default();
        }
    }

    /// The number of advised cells.
    pub(super) fn advised(&self) -> usize {
        self.cells.iter().filter(|cell| cell.advised).count()
    }

    /// The data as JSON that can stand inside a `<script>` element: nothing in it can end the element or start another.
    pub(super) fn to_script_safe_json(&self) -> Result<String, ReportError> {
        Ok(script_safe(&serde_json::to_string(self)?))
    }
}

/// Escapes characters that have a meaning in HTML or older JavaScript; in JSON they occur only inside strings.
fn script_safe(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for part in json.split_inclusive(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        let mut plain = part.chars();
        let escaped = match plain.next_back() {
            Some('<') => "\\u003c",
            Some('>') => "\\u003e",
            Some('&') => "\\u0026",
            Some('\u{2028}') => "\\u2028",
            Some('\u{2029}') => "\\u2029",
            Some(_) | None => {
                safe.push_str(part);
                continue;
            }
        };
        safe.push_str(plain.as_str());
        safe.push_str(escaped);
    }
    safe
}

/// The values of a parameter in cells: first those of the axis, in its order; then those that only presets set, in the
/// order of cells.
fn values(plan: &Plan, parameter: Parameter) -> ParameterValues {
    let axis = plan.axes.iter().find(|axis| axis.parameter == parameter);
    let mut values = axis.map(|axis| axis.values.clone()).unwrap_or_default();
    let mut known: HashSet<_> = values.iter().cloned().collect();
    for cell in &plan.cells {
        let text = cell.parameters.text(parameter);
        if known.insert(text.clone()) {
            values.push(text);
        }
    }
    let definition = parameter.definition();
    // A parameter without meaning for the cells' kind stands nowhere in their sweep file.
    let uses_images = |cell: &Cell| plan.kind_of(cell).pipeline().needs().image_guidance_scale;
    let is_meaningless =
        parameter == Parameter::ImageGuidanceScale && !plan.cells.iter().any(uses_images);
    ParameterValues {
        key: definition.key,
        place: match definition.place {
            _ if is_meaningless => "presets",
            Place::Top => "top",
            Place::Sweep => "sweep",
            Place::Presets => "presets",
        },
        form: match definition.domain {
            Domain::Folder => "folder",
            Domain::File => "file",
            Domain::Mask => "mask",
            Domain::Text | Domain::Scheduler | Domain::Preset => "text",
            Domain::Decimal { .. } => "decimal",
            Domain::Whole { .. } => "whole",
        },
        values,
    }
}

/// The name of the stage of these cells, if there are several stages.
fn stage(plan: &Plan) -> Option<String> {
    let shown = plan.cells.first().filter(|_| plan.stages.len() > 1)?;
    Some(plan.stages.get(shown.stage)?.name.clone())
}

fn index(parameter: &ParameterValues) -> HashMap<String, usize> {
    let values = parameter.values.iter().cloned();
    values
        .enumerate()
        .map(|(index, value)| (value, index))
        .collect()
}

fn input(file: &Result<String, MissingInput>, base: &str) -> InputData {
    InputData {
        file: file.as_ref().ok().map(|file| format!("{base}/{file}")),
        missing: file.as_ref().err().map(MissingInput::to_string),
    }
}

/// What is needed to describe the cells.
struct Gatherer<'a> {
    run: &'a Run,
    masks: &'a Masks<'a>,
    inputs: &'a Inputs<'a>,
    thumbnails: &'a HashSet<CellKey>,
    /// The path from the page to the run folder.
    base: &'a str,
    columns: &'a Columns,
    /// The advice on cells.
    advice: &'a HashMap<CellKey, String>,
    advised: &'a HashSet<CellKey>,
    indices: Vec<HashMap<String, usize>>,
}

impl Gatherer<'_> {
    fn cell(&self, cell: &Cell) -> CellData {
        let record = self.run.records.get(&cell.key);
        let done = record.is_some_and(|record| record.status == Status::Done);
        let row = record.map(|record| self.columns.row(record));
        let Row { numbers, mut words } = row.unwrap_or_default();
        // Records do not contain advice, because it depends on all of them.
        if let Some(advice) = self.advice.get(&cell.key) {
            words.pop();
            words.push(Some(advice.clone()));
        }
        CellData {
            key: cell.key.to_string(),
            status: status(record),
            values: self.values(cell),
            width: cell.width,
            height: cell.height,
            input: self.inputs.index(cell),
            mask: self.masks.index(&self.run.plan, cell),
            image: done.then(|| format!("{}/{}", self.base, cell.key.image_path())),
            thumbnail: self
                .thumbnails
                .contains(&cell.key)
                .then(|| thumbnails::file(&cell.key)),
            advised: self.advised.contains(&cell.key),
            same_as: cell.same_as.as_ref().map(CellKey::to_string),
            error: record.and_then(|record| record.error.clone()),
            finished: record.map(|record| record.finished.to_string()),
            numbers,
            words,
        }
    }

    fn values(&self, cell: &Cell) -> Vec<usize> {
        let values = Parameter::ALL.iter().zip(&self.indices);
        values
            .filter_map(|(&parameter, index)| index.get(&cell.parameters.text(parameter)).copied())
            .collect()
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn status(record: Option<&Record>) -> &'static str {
    match record.map(|record| record.status) {
        Some(Status::Done) => "done",
        Some(Status::Failed) => "failed",
        None => "waiting",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_safe_json_holds_no_markup_and_means_the_same() {
        let hostile = "</script><img src=x onerror=alert(1)> & \u{2028} \u{202e} \"'\\";
        let json = script_safe(&serde_json::to_string(hostile).unwrap());
        assert!(!json.contains(['<', '>', '&', '\u{2028}']));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
    }
}
