//! What `--json` prints: an object a line on standard output, with its kind under `event` and [`VERSION`] under `version`.
//!
//! The types here are the published schema: `ip2p schema --events` prints it, and docs/events.md is written from it. A key
//! that is taken away or means something else makes another version; a new key or kind does not.

mod results;
mod run;

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
pub use run::{
    Begin, CellEnd, CellVerdict, Checked, End, Loaded, Measured, Note, Phase, PhaseName, Problem,
    Stage, Step,
};

use super::complaint::remedy;
use super::render;

/// The version of all of this.
pub const VERSION: u32 = 1;

static WANTED: AtomicBool = AtomicBool::new(false);

/// `--json`, of commands that have something to tell.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct JsonFlag {
    /// Print JSON, an object a line (docs/events.md)
    #[arg(long)]
    pub json: bool,
}

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
