//! The environment that cells were made with; journals hold it before the records of each process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::run::read_plan;
use crate::plan::Plan;

/// Everything about an execution of a run that is not in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Version of this program.
    pub ip2p: String,
    /// Version of ONNX Runtime.
    pub onnxruntime: String,
    /// `cpu`, or `cuda:0` and the like.
    pub device: String,
    /// The device's product name, if known.
    pub device_name: Option<String>,
    /// ONNX Runtime's execution provider.
    pub provider: String,
    /// Operating system and architecture.
    pub os: String,
    /// The processor's product name, if known.
    pub cpu: Option<String>,
    /// Number of threads for inference on the CPU.
    pub threads: usize,
    /// The number formats used besides float32 and that of the weights; earlier versions used no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arithmetic: Option<String>,
    /// When the run was started, or last resumed, UTC.
    #[schemars(with = "String")]
    pub started: jiff::Timestamp,
}

impl Environment {
    /// An empty environment, for a run in which nothing has been computed.
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

/// `plan.json` as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct PlanFile {
    /// Earlier versions kept the environment here.
    #[serde(default)]
    pub(super) environment: Option<Environment>,
    /// The sweep file, relative to the run folder, so that the two may be moved together.
    #[serde(default)]
    pub(super) sweep: Option<PathBuf>,
    pub(super) plan: Plan,
}

/// What `plan.json` of a run folder says; the plan can be shared with runs that have the same.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The plan.
    pub plan: Arc<Plan>,
    pub(super) environment: Option<Environment>,
    pub(super) sweep: Option<PathBuf>,
}

impl Planned {
    /// Reads it.
    ///
    /// # Errors
    /// If the folder is not a run folder, or the file cannot be read.
    pub fn read(folder: &Path) -> Result<Self, StoreError> {
        let PlanFile {
            environment,
            sweep,
            plan,
        } = read_plan(folder)?;
        Ok(Self {
            plan: Arc::new(plan),
            environment,
            sweep,
        })
    }

    /// Reads it if the folder has a run.
    ///
    /// # Errors
    /// As [`Planned::read`].
    pub fn find(folder: &Path) -> Result<Option<Self>, StoreError> {
        match Self::read(folder) {
            Ok(planned) => Ok(Some(planned)),
            Err(StoreError::NotARun { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The sweep file, if it is known and still exists; `folder` is the one whose plan this is.
    pub fn sweep_file(&self, folder: &Path) -> Option<PathBuf> {
        folder.join(self.sweep.as_ref()?).canonicalize().ok()
    }
}

/// `plan.json` as it is written; the plan depends only on the sweep and its files.
#[derive(Debug, Serialize)]
pub(super) struct PlanFileRef<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environment: Option<&'a Environment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sweep: Option<&'a Path>,
    pub(super) plan: &'a Plan,
}
