//! Events of commands whose result is a text for another program, or a table.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// What to submit to a cluster scheduler.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct JobScript {
    /// `slurm` or `kubernetes`.
    pub scheduler: String,
    /// The sweep's name.
    pub name: String,
    /// The file name under which the text says to save it.
    pub file: String,
    /// The job's name.
    pub job: String,
    /// Number of shards.
    pub shards: usize,
    /// The most shards that run at the same time.
    pub at_once: usize,
    /// Path of the sweep file on the nodes.
    pub sweep: String,
    /// Path of the run folder on the nodes.
    pub out: String,
    /// The container image, for Kubernetes.
    pub image: Option<String>,
    /// The script or the manifest.
    pub text: String,
}

/// A run's table.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TableEnd {
    /// The file that was written; null if the rows follow as events.
    pub file: Option<String>,
    /// Its format, `csv` or `parquet`.
    pub format: Option<String>,
    /// The columns, in order.
    pub columns: Vec<String>,
    /// Number of rows.
    pub rows: usize,
}

/// A row of a table.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Row {
    /// The value of each column: a string, number or boolean; null if unknown or not applicable.
    pub values: Map<String, Value>,
}

/// A JSON Schema.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SchemaOf {
    /// What it describes: `sweep` for sweep files, `events` for lines of `--json`.
    pub of: String,
    /// The schema.
    pub schema: Map<String, Value>,
}

/// A script that completes commands in a shell.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CompletionsOf {
    /// `bash`, `elvish`, `fish`, `powershell` or `zsh`.
    pub shell: String,
    /// The script.
    pub text: String,
}
