//! Downloads with the user's own pip, so that configured mirrors and proxies apply.

use std::ffi::OsStr;
use std::fs;
use std::path::{self, Path, PathBuf};
use std::process::Output;

use super::pins::Pin;
use super::{Host, RuntimeError};
use crate::digest::{hexadecimal, of_file};
use crate::trust;

/// The Python version whose wheels are fetched; see [`super::pins`].
const PYTHON_VERSION: &str = "3.12";

/// The output of `python3 -m pip --version`.
///
/// # Errors
/// [`RuntimeError::NoPython`] or [`RuntimeError::NoPip`].
pub(crate) fn version(host: &Host) -> Result<String, RuntimeError> {
    let output = pip(host, ["--version"])?;
    if output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout);
        return Ok(text.trim().to_owned());
    }
    Err(RuntimeError::NoPip {
        python: host.python.clone(),
        reason: last_words(&output),
    })
}

/// Downloads a wheel into `folder` and checks that it is the pinned one.
pub(super) fn download(host: &Host, pin: &Pin, folder: &Path) -> Result<PathBuf, RuntimeError> {
    let requirement = pin.requirement();
    // Made absolute, because pip runs in another folder.
    let folder = &path::absolute(folder).map_err(|source| RuntimeError::writing(folder, source))?;
    let log = folder.join("pip.log");
    let output = pip(
        host,
        [
            OsStr::new("download"),
            OsStr::new(&requirement),
            OsStr::new("--no-deps"),
            OsStr::new("--only-binary=:all:"),
            OsStr::new("--implementation=cp"),
            OsStr::new(&format!("--python-version={PYTHON_VERSION}")),
            OsStr::new(&format!("--platform={}", pin.platform)),
            OsStr::new("--dest"),
            folder.as_os_str(),
            OsStr::new("--log"),
            log.as_os_str(),
            OsStr::new("--quiet"),
            OsStr::new("--no-input"),
            // Old versions of pip load a wheel into memory to cache it; these wheels have gigabytes.
            OsStr::new("--no-cache-dir"),
            OsStr::new("--disable-pip-version-check"),
        ],
    )?;
    if !output.status.success() {
        return Err(explain(requirement, folder, &log, &output));
    }
    let wheel = downloaded(folder).ok_or_else(|| RuntimeError::NoWheel {
        wheel: requirement,
        reason: "pip left no wheel".to_owned(),
    })?;
    check(&wheel, pin)?;
    Ok(wheel)
}

fn pip<S: AsRef<OsStr>>(
    host: &Host,
    arguments: impl IntoIterator<Item = S>,
) -> Result<Output, RuntimeError> {
    trust::python(&host.python)
        .and_then(|mut python| python.args(["-m", "pip"]).args(arguments).output())
        .map_err(|_| RuntimeError::NoPython {
            python: host.python.clone(),
        })
}

/// Classifies pip's failures by what the user can do. Without a network pip ends with "no matching distribution", so
/// signs of network trouble are checked first. If pip is configured not to retry, only its log has them.
fn explain(wheel: String, folder: &Path, log: &Path, output: &Output) -> RuntimeError {
    const NETWORK: [&str; 8] = [
        "connection",
        "name resolution",
        "proxyerror",
        "timed out",
        "timeout",
        "ssl",
        "max retries",
        "http error 5",
    ];
    let is_of_network = |said: &str| {
        NETWORK
            .iter()
            .any(|sign| said.to_lowercase().contains(sign))
    };
    let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
    let reason = last_words(output);
    if let Some(reason) = not_fetched(log).filter(|reason| is_of_network(reason)) {
        RuntimeError::Network { wheel, reason }
    } else if said.contains("no space left") || said.contains("errno 28") {
        RuntimeError::DiskFull {
            path: folder.to_owned(),
        }
    } else if is_of_network(&said) {
        RuntimeError::Network { wheel, reason }
    } else if said.contains("no matching distribution") {
        RuntimeError::NoWheel { wheel, reason }
    } else {
        RuntimeError::Pip { wheel, reason }
    }
}

/// Why the index was not read, from pip's log: "2026-11-25T18:10:47,805 Could not fetch URL ... - skipping".
fn not_fetched(log: &Path) -> Option<String> {
    let log = fs::read_to_string(log).ok()?;
    let told = log
        .lines()
        .find_map(|line| line.split_once("Could not fetch URL "));
    told.map(|(_, reason)| reason.trim_end_matches(" - skipping").to_owned())
}

/// The last non-empty line of the error output.
fn last_words(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .unwrap_or("it says nothing")
        .to_owned()
}

fn downloaded(folder: &Path) -> Option<PathBuf> {
    folder
        .read_dir()
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|end| end == "whl"))
}

fn check(wheel: &Path, pin: &Pin) -> Result<(), RuntimeError> {
    let hash = of_file(wheel).map_err(|source| RuntimeError::writing(wheel, source))?;
    let found = hexadecimal(&hash);
    if found == pin.sha256 {
        return Ok(());
    }
    Err(RuntimeError::Checksum {
        wheel: wheel
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        expected: pin.sha256,
        found,
    })
}
