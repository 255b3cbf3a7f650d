//! Loads ONNX Runtime into this process, once.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use super::{Located, RuntimeError};

/// A loaded ONNX Runtime. Clones share it.
#[derive(Debug, Clone)]
pub struct Runtime {
    environment: Environment,
    located: Located,
}

/// A process can hold one ONNX Runtime. It is never released, because CUDA does not survive that at exit.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// Loads a library; loading the same one again costs nothing.
///
/// # Errors
/// [`RuntimeError::OtherLoaded`] if this process has loaded another, [`RuntimeError::Start`] if it does not start.
pub fn load(located: &Located) -> Result<Runtime, RuntimeError> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = loaded.as_ref() {
        return if runtime.located.path == located.path {
            Ok(runtime.clone())
        } else {
            Err(RuntimeError::OtherLoaded {
                loaded: runtime.located.path.clone(),
                path: located.path.clone(),
            })
        };
    }
    let runtime = Runtime {
        environment: environment(located)?,
        located: located.clone(),
    };
    Ok(loaded.insert(runtime).clone())
}

impl Runtime {
    /// The library that was loaded.
    pub fn located(&self) -> &Located {
        &self.located
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }
}

fn environment(located: &Located) -> Result<Environment, RuntimeError> {
    let failed = |reason: String| RuntimeError::Start {
        path: located.path.clone(),
        reason,
    };
    // Made absolute, because `ort` resolves relative paths against the program's folder.
    let path: PathBuf =
        std::path::absolute(&located.path).map_err(|error| failed(error.to_string()))?;
    let environment = ort::init_from(path)
        .map_err(|error| failed(error.to_string()))?
        .with_name("ip2p")
        .with_telemetry(false)
        .with_logger(Arc::new(log))
        .build()
        .map_err(|error| failed(error.message().to_owned()))?;
    environment.set_log_level(LogLevel::Warning);
    Ok(environment)
}

/// An error that a device reported during a call that ONNX Runtime considers successful.
static DEVICE_ERROR: Mutex<Option<String>> = Mutex::new(None);

/// WebGPU reports such errors only in the log, and the call continues with whatever is in memory.
const DEVICE_ERROR_SIGN: &str = "WebGPU device error";

/// Takes the device error reported since the last call, if any: results computed since then are wrong.
pub(super) fn take_device_error() -> Option<String> {
    DEVICE_ERROR
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
}

fn note_device_error(message: &str) {
    if message.contains(DEVICE_ERROR_SIGN) {
        let mut noted = DEVICE_ERROR.lock().unwrap_or_else(PoisonError::into_inner);
        noted.get_or_insert_with(|| message.to_owned());
    }
}

/// Sends ONNX Runtime's own messages to this program's log, never directly to the terminal.
fn log(level: LogLevel, _category: &str, _id: &str, location: &str, message: &str) {
    match level {
        LogLevel::Error | LogLevel::Fatal => {
            note_device_error(message);
            tracing::error!(target: "onnxruntime", location, "{message}");
        }
        LogLevel::Warning => tracing::warn!(target: "onnxruntime", location, "{message}"),
        LogLevel::Info | LogLevel::Verbose => {
            tracing::trace!(target: "onnxruntime", location, "{message}");
        }
    }
}
