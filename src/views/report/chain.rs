//! What the page of one stage of a chain needs from the others: their pages, and the path to each of its cells.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::pipeline::Masking;
use crate::plan::{Cell, Plan, Stage};
use crate::store::Run;
use crate::vocabulary::{CellKey, Domain, Parameter, Place, Status};

/// The stages, and all cells on the paths to the cells that the page shows, including these.
#[derive(Debug, Serialize)]
pub(super) struct Chain {
    /// Index of the page's own stage.
    stage: usize,
    stages: Vec<StageData>,
    cells: BTreeMap<String, PathCell>,
}

#[derive(Debug, Serialize)]
struct StageData {
    name: String,
    /// The file name of the stage's page, beside this one; `None` in a single-file report.
    page: Option<String>,
    /// Keys that have a meaning for its kind, in the order of sweep files.
    keys: Vec<&'static str>,
    #[serde(skip_serializing_if = "Masking::is_default")]
    masking: Masking,
}

#[derive(Debug, Serialize)]
struct PathCell {
    stage: usize,
    /// The cell it works on.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    /// The first cell of the next stage that works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    /// Values by key.
    values: BTreeMap<&'static str, String>,
}

/// The file name of a stage's page; the last stage's is the report's own.
pub(super) fn page_of(plan: &Plan, stage: usize) -> String {
    match plan
        .stages
        .get(stage)
        .filter(|_| stage != plan.last_stage())
    {
        // In valid sweep files names of stages consist of letters, digits, `-` and `_`; but the plan may come from
        // someone else.
        Some(own)
            if own
                .name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') =>
        {
            format!("stage-{}.html", own.name)
        }
        Some(_) => format!("stage-{stage}.html"),
        None => super::INDEX.to_owned(),
    }
}

impl Chain {
    /// The chain for a page about `stage`, from a run with all stages; `base` is the path from the page to the run
    /// folder. `None` if there is a single stage and nothing to say about it.
    pub fn of(whole: &Run, stage: usize, base: &str, pages: bool) -> Option<Self> {
        let plan = &whole.plan;
        let is_plain = plan.stages.iter().all(|stage| stage.masking.is_default());
        if plan.stages.len() < 2 && is_plain {
            return None;
        }
        let stages = plan.stages.iter().enumerate();
        let stages = stages.map(|(index, stage)| StageData {
            name: stage.name.clone(),
            page: pages.then(|| page_of(plan, index)),
            keys: keys(stage),
            masking: stage.masking,
        });
        let mut chain = Self {
            stage,
            stages: stages.collect(),
            cells: BTreeMap::new(),
        };
        let mut next = BTreeMap::new();
        for cell in &plan.cells {
            if let Some(input) = plan.input_of(cell) {
                next.entry(input.as_str()).or_insert(&cell.key);
            }
        }
        for cell in plan.cells.iter().filter(|cell| cell.stage == stage) {
            for cell in plan.ancestors(cell).into_iter().chain([cell]) {
                let follows = next.get(cell.key.as_str()).copied();
                let known = chain.cells.entry(cell.key.to_string());
                known.or_insert_with(|| path_cell(whole, cell, follows, (base, pages)));
            }
        }
        Some(chain)
    }
}

fn path_cell(
    run: &Run,
    cell: &Cell,
    next: Option<&CellKey>,
    (base, pages): (&str, bool),
) -> PathCell {
    let record = run.records.get(&cell.key);
    let done = record.is_some_and(|record| record.status == Status::Done);
    let values = Parameter::DEFINED.into_iter();
    PathCell {
        stage: cell.stage,
        input: run.plan.input_of(cell).map(CellKey::to_string),
        next: next.map(CellKey::to_string),
        // A single-file report contains only its own images.
        image: (done && pages).then(|| format!("{base}/{}", cell.key.image_path())),
        // An empty prompt is a value; a missing strength, mask or image is left out.
        values: values
            .map(|key| (key, cell.parameters.text(key)))
            .filter(|(key, text)| !text.is_empty() || key.definition().domain == Domain::Text)
            .map(|(key, text)| (key.key(), text))
            .collect(),
    }
}

/// The keys that have a meaning for a stage's kind. Only the first stage names images.
fn keys(stage: &Stage) -> Vec<&'static str> {
    let needs = stage.kind.pipeline().needs();
    let is_used = |key: &Parameter| key.definition().place != Place::Presets && needs.have(*key);
    let keys = Parameter::DEFINED.into_iter().filter(is_used);
    keys.map(Parameter::key).collect()
}
