//! Environment classes: results may differ between classes, but should not within one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::store::Environment;
use crate::vocabulary::{ExecutionDevice, Record};

/// Device model, provider, precision, and ONNX Runtime's minor version. Threads, operating system and patch versions
/// are left out, because they are not supposed to change results.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentClass {
    /// The device's product name or, if unknown, its architecture or name.
    pub device: String,
    /// ONNX Runtime's execution provider.
    pub provider: String,
    /// `fp32` or `fp16`, and any further number formats used.
    pub precision: String,
    /// Major and minor version, such as `1.32`.
    pub onnxruntime: String,
}

impl EnvironmentClass {
    /// The class in which a cell was computed.
    pub fn of(environment: &Environment, record: &Record) -> Self {
        let device: Option<ExecutionDevice> = record.device.parse().ok();
        let facts = device.map(ExecutionDevice::facts);
        let known = (record.device == environment.device).then_some(environment);
        let model = match known {
            Some(known) if facts.is_some_and(|facts| !facts.is_gpu) => {
                known.cpu.clone().or_else(|| Some(known.os.clone()))
            }
            Some(known) => known.device_name.clone(),
            None => None,
        };
        let provider = facts.map_or(record.device.as_str(), |facts| facts.provider);
        let minor: Vec<&str> = environment.onnxruntime.split('.').take(2).collect();
        Self {
            device: model.unwrap_or_else(|| record.device.to_string()),
            provider: known.map_or(provider, |known| &known.provider).to_owned(),
            precision: match known.and_then(|known| known.arithmetic.as_deref()) {
                None => record.precision.to_string(),
                Some(arithmetic) => format!("{}, {arithmetic}", record.precision),
            },
            onnxruntime: minor.join("."),
        }
    }
}

impl fmt::Display for EnvironmentClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let provider = self.provider.trim_end_matches("ExecutionProvider");
        write!(
            f,
            "{}, {provider}, {}, ONNX Runtime {}",
            self.device, self.precision, self.onnxruntime
        )
    }
}
