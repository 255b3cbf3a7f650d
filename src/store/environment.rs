//! The environment that cells were made with; journals hold it before the records of each process.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
