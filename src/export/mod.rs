//! Exporting models to ONNX: the project's own scripts, which the program carries inside, run by a Python that has
//! torch and diffusers.
//!
//! That Python is the one of the program's own environment where it has the pinned packages (`pip install
//! ip2p-sweep[export]`), else one in the cache, made on first use with `uv`, or with `venv` and pip: both through the
//! user's own settings of indexes and proxies.

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

/// How often a running script is looked at.
const POLL: Duration = Duration::from_millis(50);
/// How long an interrupted script may take to remove what it has begun.
const GRACE: Duration = Duration::from_secs(10);

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A pipeline of diffusers, for the key `model`.
    Pipeline,
    /// A CLIP of transformers, for `measures.clip`.
    Clip,
}

impl Kind {
    fn script(self) -> &'static str {
        match self {
            Self::Pipeline => "export.py",
            Self::Clip => "export_clip.py",
        }
    }
}

/// An export that was asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which script.
    pub kind: Kind,
    /// A hub name, or a path relative to the current folder.
    pub model: String,
    /// The folder to write, relative to the current folder.
    pub out: PathBuf,
    /// Whether a folder that is there is replaced.
    pub overwrite: bool,
    /// Files of LoRAs, each with its scale behind a colon if it has one.
    pub loras: Vec<String>,
    /// The script's other options, as it takes them.
    pub options: Vec<String>,
    /// Whether what the script prints goes to standard error, where standard output is for something else.
    pub aside: bool,
}

/// How far an export is, where the script itself does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportEvent {
    /// Another process makes the environment; this one waits.
    Waiting,
    /// The packages are being installed into this folder, once.
    Installing(PathBuf),
    /// `uv` failed, and pip is tried.
    WithoutUv,
}

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With its own exit code; what went wrong it has told itself.
    Code(u8),
    /// By `stop`.
    Interrupted,
}

/// Runs the export; the script's output goes where this program's goes, unless it is to stand aside.
///
/// # Errors
/// If there is no environment to run it in, and none could be made.
pub fn export(
    host: &Host,
    request: &Request,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(ExportEvent),
) -> Result<Ended, ExportError> {
    // Told before gigabytes are installed; the script asks again.
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
        // The terminal's Ctrl-C reaches the script, too, which then tidies up.
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
    /// The script's command line. Paths become absolute, since children run elsewhere.
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

    /// The path of what is there, else the name as given: the script tells what it makes of it.
    fn model_argument(&self) -> std::io::Result<String> {
        let path = Path::new(&self.model);
        match path.exists() {
            true => Ok(path::absolute(path)?.to_string_lossy().into_owned()),
            false => Ok(self.model.clone()),
        }
    }
}
