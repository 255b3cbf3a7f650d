//! Events of the commands whose result is a text for another program, or a table.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// What is to be submitted to a scheduler.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct JobScript {
    /// `slurm` or `kubernetes`.
    pub scheduler: String,
    /// The sweep's name.
    pub name: String,
    /// What the text calls the file that it is kept in.
    pub file: String,
    /// The job's name.
    pub job: String,
    /// Parts of the sweep.
    pub shards: usize,
    /// Parts that run at the same time, at most.
    pub at_once: usize,
    /// The sweep file, as the nodes see it.
    pub sweep: String,
    /// The run folder, as the nodes see it.
    pub out: String,
    /// The container image, for Kubernetes.
    pub image: Option<String>,
    /// The script or the manifest.
    pub text: String,
}

/// What a run's table has.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TableEnd {
    /// The file that was written; none if the rows follow as events.
    pub file: Option<String>,
    /// Its format, `csv` or `parquet`.
    pub format: Option<String>,
    /// The columns, in their order.
    pub columns: Vec<String>,
    /// Rows.
    pub rows: usize,
}

/// A row of a table.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Row {
    /// The value of each column: text, number or truth; null where it is not known or does not apply.
    pub values: Map<String, Value>,
}

/// A JSON Schema.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SchemaOf {
    /// What it describes: `sweep`, a sweep file, or `events`, a line of `--json`.
    pub of: String,
    /// The schema.
    pub schema: Map<String, Value>,
}

/// A script that completes what is typed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CompletionsOf {
    /// `bash`, `elvish`, `fish`, `powershell` or `zsh`.
    pub shell: String,
    /// The script.
    pub text: String,
}
