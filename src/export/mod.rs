//! Exports models to ONNX with the project's own scripts, which are built into the program and run by a Python with
//! torch and diffusers.
//!
//! The Python is that of the program's own environment if it has the pinned packages
//! (`pip install ip2p-sweep[export]`), or else one in the cache, made on first use with `uv`, or with `venv` and pip.
//! Both respect the user's settings of indexes and proxies.

mod environment;
mod error;
mod requirements;

use std::io::stderr;
use std::path::{self, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub use error::ExportError;

use crate::onnxruntime::Host;
use crate::{bundled, trust};

/// How often a running script is polled.
const POLL: Duration = Duration::from_millis(50);
/// How long an interrupted script may take to clean up.
const GRACE: Duration = Duration::from_secs(10);

/// The kind of model to export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A diffusers pipeline, for the key `model`.
    Pipeline,
    /// A CLIP model of transformers, for `measures.clip`.
    Clip,
}

impl Kind {
    fn script(self) -> &'static str {
        match self {
            Self::Pipeline => "export.py",
            Self::Clip => "export_clip.py",
        }
    }

    /// The file that a folder with such a model has.
    fn described_by(self) -> &'static str {
        match self {
            Self::Pipeline => "model_index.json",
            Self::Clip => "config.json",
        }
    }
}

/// A requested export.
#[derive(Debug, Clone)]
pub struct Request {
    /// The kind of model.
    pub kind: Kind,
    /// A hub name, or a path relative to the current folder.
    pub model: String,
    /// The folder to write, relative to the current folder.
    pub out: PathBuf,
    /// Whether an existing folder is replaced.
    pub overwrite: bool,
    /// LoRA files, each optionally followed by a colon and its scale.
    pub loras: Vec<String>,
    /// Further options for the script, in its own syntax.
    pub options: Vec<String>,
    /// Whether the script's output goes to standard error, because standard output is used for something else.
    pub aside: bool,
}

/// The progress of an export, apart from what the script itself prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportEvent {
    /// Another process is making the environment; this one waits.
    Waiting,
    /// The packages are being installed into this folder, once.
    Installing(PathBuf),
    /// `uv` failed; pip is tried next.
    WithoutUv,
}

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code; the script has reported what went wrong.
    Code(u8),
    /// It was stopped on request.
    Interrupted,
}

/// Runs the export; the script's output goes where this program's goes, unless the request says otherwise.
///
/// # Errors
/// If there is no environment to run it in, and none can be made.
pub fn export(
    host: &Host,
    request: &Request,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(ExportEvent),
) -> Result<Ended, ExportError> {
    // Checked before gigabytes are installed; the script checks again.
    let model = Path::new(&request.model);
    let file = request.kind.described_by();
    if model.is_dir() && !model.join(file).is_file() {
        return Err(ExportError::NoModel {
            folder: model.to_owned(),
            file,
        });
    }
    if request.out.exists() && !request.overwrite {
        return Err(ExportError::Exists {
            path: request.out.clone(),
        });
    }
    let scripts = bundled::exporter()?;
    let python = environment::python(host, &scripts, progress)?;
    let failed = |source| ExportError::Start {
        python: python.clone(),
        source,
    };
    let mut command = trust::python(&python).map_err(failed)?;
    command
        .env("PYTHONPATH", &scripts)
        .env("PYTHONUNBUFFERED", "1")
        .env("HF_HUB_DISABLE_TELEMETRY", "1")
        .arg(scripts.join(request.kind.script()))
        .args(request.arguments().map_err(failed)?);
    if host.offline {
        command.env("HF_HUB_OFFLINE", "1");
    }
    if request.aside {
        command.stdout(stderr());
    }
    let mut child = command.spawn().map_err(failed)?;
    let mut stopped: Option<Instant> = None;
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(match (stopped, status.code()) {
                (Some(_), _) => Ended::Interrupted,
                (None, Some(code)) => Ended::Code(u8::try_from(code).unwrap_or(1)),
                (None, None) => Ended::Code(1),
            });
        }
        // The script gets the terminal's Ctrl-C too, and then cleans up.
        if stop.load(Ordering::Relaxed) && stopped.is_none() {
            stopped = Some(Instant::now());
        }
        if stopped.is_some_and(|since| since.elapsed() > GRACE) {
            child.kill().map_err(failed)?;
        }
        thread::sleep(POLL);
    }
}

impl Request {
    /// The script's command line. Paths are made absolute, because the script runs in another folder.
    fn arguments(&self) -> std::io::Result<Vec<String>> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let mut arguments = vec![self.model_argument()?, "--out".to_owned()];
        arguments.push(text(path::absolute(&self.out)?));
        for lora in &self.loras {
            arguments.push("--lora".to_owned());
            arguments.push(text(path::absolute(lora)?));
        }
        arguments.extend(self.options.iter().cloned());
        arguments.extend(self.overwrite.then(|| "--overwrite".to_owned()));
        Ok(arguments)
    }

    /// The absolute path of an existing file or folder, or otherwise the name as given, which the script interprets.
    fn model_argument(&self) -> std::io::Result<String> {
        let path = Path::new(&self.model);
        match path.exists() {
            true => Ok(path::absolute(path)?.to_string_lossy().into_owned()),
            false => Ok(self.model.clone()),
        }
    }
}
