//! What `--json` prints: an object a line on standard output, with its kind under `event` and [`VERSION`] under `version`.
//!
//! The types here are the published schema: `ip2p schema --events` prints it, and docs/events.md is written from it. A key
//! that is taken away or means something else makes another version; a new key or kind does not.

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

use super::complaint::remedy;
use super::render;

/// The version of all of this.
pub const VERSION: u32 = 1;

static WANTED: AtomicBool = AtomicBool::new(false);

/// Everything that is printed from here on is events.
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
    /// A run begins.
    Begin(Begin),
    /// A stage of a chain begins.
    Stage(Stage),
    /// Another phase of the work begins.
    Phase(Phase),
    /// A component of the model is in memory.
    Loaded(Loaded),
    /// Some cells went a step further.
    Step(Step),
    /// A cell is finished or has failed.
    Cell(CellEnd),
    /// CLIP has measured a cell.
    Measured(Measured),
    /// Something to know.
    Note(Note),
    /// Something went wrong; standard error has it in words, and the exit code says of which kind it is.
    Error(Problem),
    /// Of a check: a cell was judged.
    Verdict(CellVerdict),
    /// Of a check: all cells were judged.
    Checked(Checked),
    /// A run, check or merge has come to its end.
    End(End),
    /// What a sweep will do and take.
    Plan(Planned),
    /// One of the shards of a plan.
    Part(Part),
    /// Files were written.
    Made(Made),
    /// Of `accept`: what accepting a cell changes.
    Change(Accepting),
    /// Of `accept`: the baseline was changed, or not.
    Accepted(Accepted),
    /// Of `merge`: shards were brought together.
    Merged(Merged),
    /// Of `compare`: two runs were compared.
    Compared(Compared),
    /// Of `compare`: a cell that both runs have.
    Pair(ComparedCell),
    /// What a benchmark found.
    Bench(Box<Benchmark>),
    /// What is found on this machine and what is missing.
    Doctor(Doctor),
    /// A model was exported.
    Exported(Exported),
    /// ONNX Runtime is in place.
    Setup(SetUp),
    /// A sweep file was written.
    Init(Initialised),
    /// Of `review`: a decision is waited for, as a line on standard input. What it is about came before it as a `verdict`.
    Question(Asked),
    /// Of `review`: what was decided of a cell.
    Decision(Decided),
    /// Of `review`: all cells were asked for, or the input has ended. What was accepted came before it as `accepted`.
    Reviewed(Reviewed),
    /// Of `jobs`: what is to be submitted.
    Jobs(JobScript),
    /// Of `table`: what a run's table has.
    Table(TableEnd),
    /// Of `table` without `--out`: a row, which is a cell.
    Row(Row),
    /// Of `schema`: a JSON Schema.
    Schema(SchemaOf),
    /// Of `completions`: a script for a shell.
    Completions(CompletionsOf),
}

/// Files were written.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Made {
    /// All of them.
    pub files: Vec<File>,
}

/// A file to look at.
#[derive(Debug, Serialize, JsonSchema)]
pub struct File {
    /// What it is, in a word: `sheet`, `report`, `page`, `table`.
    pub what: String,
    /// Where.
    pub path: String,
    /// Pixels, of a picture.
    pub width: Option<u32>,
    /// Pixels, of a picture.
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

/// Files as events have them.
pub fn files(made: &views::ViewFiles) -> Vec<File> {
    made.files.iter().map(File::from).collect()
}

/// Prints an event.
pub fn emit(event: Event) {
    // All of these types are maps with texts for keys: they are JSON whatever they hold.
    let Ok(Value::Object(mut line)) = serde_json::to_value(event) else {
        return;
    };
    line.insert("version".to_owned(), json!(VERSION));
    hand_on(&Value::Object(line));
}

/// Prints an event that is one already.
pub fn hand_on(line: &Value) {
    render::print(&format!("{line}\n"));
}

/// Something to know.
pub fn note(text: &str) {
    let text = text.to_owned();
    emit(Event::Note(Note { text }));
}

/// What was written.
pub fn made(made: &views::ViewFiles) {
    let files = files(made);
    emit(Event::Made(Made { files }));
}

/// Something that went wrong.
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

/// Something that went wrong elsewhere, which has told it in its own words.
pub fn failed(message: &str, exit_code: u8) {
    emit(Event::Error(Problem {
        message: message.to_owned(),
        exit_code,
        ..Problem::default()
    }));
}

/// Arguments that are not understood.
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

/// The JSON Schema of a line.
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
