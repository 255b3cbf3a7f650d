//! What cells were made with: it stands in the journals, before the records of each process.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Plan;

/// Everything about the last execution of a run that the plan does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Version of this program.
    pub ip2p: String,
    /// Version of ONNX Runtime.
    pub onnxruntime: String,
    /// `cpu`, or `cuda:0` and the like.
    pub device: String,
    /// The device as its maker calls it, if known.
    pub device_name: Option<String>,
    /// ONNX Runtime's execution provider.
    pub provider: String,
    /// Operating system and architecture.
    pub os: String,
    /// The processor as its maker calls it, if known.
    pub cpu: Option<String>,
    /// Threads of inference on the CPU.
    pub threads: usize,
    /// What beside float32 and the weights' own precision it computed in; earlier versions had nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arithmetic: Option<String>,
    /// When the run was started, or last resumed, UTC.
    #[schemars(with = "String")]
    pub started: jiff::Timestamp,
}

impl Environment {
    /// Where nothing is recorded of it, since nothing was made.
    pub fn unknown() -> Self {
        Self {
            ip2p: String::new(),
            onnxruntime: String::new(),
            device: String::new(),
            device_name: None,
            provider: String::new(),
            os: String::new(),
            cpu: None,
            threads: 0,
            arithmetic: None,
            started: jiff::Timestamp::UNIX_EPOCH,
        }
    }
}

/// `plan.json`, to be read.
#[derive(Debug, Deserialize)]
pub(super) struct PlanFile {
    /// Of earlier versions, which kept it here.
    #[serde(default)]
    pub(super) environment: Option<Environment>,
    /// The sweep file, relative to the run folder, so that both may be moved together.
    #[serde(default)]
    pub(super) sweep: Option<PathBuf>,
    pub(super) plan: Plan,
}

/// `plan.json`, to be written; the plan's part depends on nothing but the sweep and its files.
#[derive(Debug, Serialize)]
pub(super) struct PlanFileRef<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environment: Option<&'a Environment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sweep: Option<&'a Path>,
    pub(super) plan: &'a Plan,
}
