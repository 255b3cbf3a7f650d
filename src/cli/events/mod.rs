//! The events of `--json`: one object a line on standard output, with its kind under `event` and [`VERSION`] under
//! `version`.
//!
//! The types here are the published schema: `ip2p schema --events` prints it, and docs/events.md is generated from it.
//! Removing a key or changing its meaning requires a new version; adding a key or a kind does not.

mod results;
mod review;
mod run;
mod text;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ip2p_sweep::bench::Benchmark;
use ip2p_sweep::views;
use miette::Diagnostic;
use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde_json::{Value, json};

pub use results::{
    Accepted, Accepting, Compared, ComparedCell, Doctor, Exported, Fact, Initialised, Merged, Part,
    Planned, Rows, SetUp, SheetPlan, StagePlan,
};
pub use review::{Asked, Decided, Reviewed};
pub use run::{
    Begin, CellEnd, CellVerdict, Checked, End, Loaded, Measured, Note, Phase, PhaseName, Problem,
    Stage, Step,
};
pub use text::{CompletionsOf, JobScript, Row, SchemaOf, TableEnd};

use super::clean::json_without_commands;
use super::error::remedy;
use super::output::print;

/// The version of this format.
pub const VERSION: u32 = 1;

static WANTED: AtomicBool = AtomicBool::new(false);

/// From now on, print events instead of text.
pub fn want() {
    WANTED.store(true, Ordering::Relaxed);
}

/// Whether `--json` was given.
pub fn are_wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}

/// One line of `--json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A run has begun.
    Begin(Begin),
    /// A stage of a chain has begun.
    Stage(Stage),
    /// Another phase of the work has begun.
    Phase(Phase),
    /// A component of the model was loaded.
    Loaded(Loaded),
    /// Some cells took a denoising step.
    Step(Step),
    /// A cell has succeeded or failed.
    Cell(CellEnd),
    /// A cell was measured with CLIP.
    Measured(Measured),
    /// A note.
    Note(Note),
    /// Something went wrong. Standard error has the message in words, and the exit code gives its kind.
    Error(Problem),
    /// From `check`: a cell was judged.
    Verdict(CellVerdict),
    /// From `check`: all cells were judged.
    Checked(Checked),
    /// A run, check or merge has ended.
    End(End),
    /// From `plan`: what a sweep will do and need.
    Plan(Planned),
    /// From `plan --shards`: one of the shards.
    Part(Part),
    /// Files were written.
    Made(Made),
    /// From `accept`: what accepting a cell changes.
    Change(Accepting),
    /// From `accept`: whether the baseline was changed.
    Accepted(Accepted),
    /// From `merge`: shards were merged.
    Merged(Merged),
    /// From `compare`: two runs were compared.
    Compared(Compared),
    /// From `compare`: a cell that both runs have.
    Pair(ComparedCell),
    /// From `bench`: the results of a benchmark.
    Bench(Box<Benchmark>),
    /// From `doctor`: what is installed on this machine and what is missing.
    Doctor(Doctor),
    /// From `export`: a model was exported.
    Exported(Exported),
    /// From `setup`: ONNX Runtime is in place.
    Setup(SetUp),
    /// From `init`: a sweep file was written.
    Init(Initialised),
    /// From `review`: a decision is expected as a line on standard input. The cell in question came before as a
    /// `verdict`.
    Question(Asked),
    /// From `review`: the decision on a cell.
    Decision(Decided),
    /// From `review`: all cells were shown, or the input has ended. What was accepted came before as `accepted`.
    Reviewed(Reviewed),
    /// From `jobs`: what to submit to a cluster scheduler.
    Jobs(JobScript),
    /// From `table`: the columns and the number of rows of a run's table.
    Table(TableEnd),
    /// From `table` without `--out`: a row, which is a cell.
    Row(Row),
    /// From `schema`: a JSON Schema.
    Schema(SchemaOf),
    /// From `completions`: a script for a shell.
    Completions(CompletionsOf),
}

/// Files were written.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Made {
    /// The files.
    pub files: Vec<File>,
}

/// A file to look at.
#[derive(Debug, Serialize, JsonSchema)]
pub struct File {
    /// What kind of file it is, in a word: `sheet`, `report`, `page`, `table`.
    pub what: String,
    /// Its path.
    pub path: String,
    /// Width in pixels, of a picture.
    pub width: Option<u32>,
    /// Height in pixels, of a picture.
    pub height: Option<u32>,
}

impl From<&views::File> for File {
    fn from(file: &views::File) -> Self {
        Self {
            what: file.what.to_owned(),
            path: file.path.display().to_string(),
            width: file.size.map(|(width, _)| width),
            height: file.size.map(|(_, height)| height),
        }
    }
}

/// Files in the form that events have.
pub fn files(made: &views::ViewFiles) -> Vec<File> {
    made.files.iter().map(File::from).collect()
}

/// Prints an event.
pub fn emit(event: Event) {
    // All event types are maps with string keys, so they are always valid JSON.
    let Ok(Value::Object(mut line)) = serde_json::to_value(event) else {
        return;
    };
    line.insert("version".to_owned(), json!(VERSION));
    forward(&Value::Object(line));
}

/// Prints an event that another process has printed.
pub fn forward(line: &Value) {
    let line = json_without_commands(&line.to_string());
    print(&format!("{line}\n"));
}

/// Emits a note.
pub fn note(text: &str) {
    let text = text.to_owned();
    emit(Event::Note(Note { text }));
}

/// Emits the files that were written.
pub fn made(made: &views::ViewFiles) {
    let files = files(made);
    emit(Event::Made(Made { files }));
}

/// Emits an error.
pub fn error(error: &dyn Diagnostic, place: Option<(&Path, usize, usize)>, exit_code: u8) {
    emit(Event::Error(Problem {
        message: error.to_string(),
        hint: remedy(error),
        file: place.map(|(path, ..)| path.display().to_string()),
        line: place.map(|(_, line, _)| line),
        column: place.map(|(_, _, column)| column),
        exit_code,
    }));
}

/// Emits an error that another program has already reported in its own words.
pub fn failed(message: &str, exit_code: u8) {
    emit(Event::Error(Problem {
        message: message.to_owned(),
        exit_code,
        ..Problem::default()
    }));
}

/// Emits arguments that were not understood.
pub fn bad_usage(error: &clap::Error) {
    let text = error.render().to_string();
    let (what, help) = text.split_once("\n\n").unwrap_or((&text, ""));
    let words: Vec<&str> = what.split_whitespace().collect();
    let message = words.join(" ");
    let hint = help
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("tip: "));
    emit(Event::Error(Problem {
        message: message.trim_start_matches("error: ").to_owned(),
        hint: hint.map(str::to_owned),
        exit_code: u8::try_from(error.exit_code()).unwrap_or(u8::MAX),
        ..Problem::default()
    }));
}

/// The JSON Schema of an event.
pub fn schema() -> String {
    let mut schema = schema_for!(Event).to_value();
    let version =
        json!({ "description": "The version of the schema.", "type": "integer", "const": VERSION });
    for kind in schema["oneOf"].as_array_mut().into_iter().flatten() {
        kind["properties"]["version"] = version.clone();
        if let Some(required) = kind["required"].as_array_mut() {
            required.push(json!("version"));
        }
    }
    format!("{schema:#}\n")
}
