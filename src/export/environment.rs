//! The Python environment for exports: found beside the program, or made in the cache atomically.

use std::fs::{self, File, TryLockError};
use std::io::{self, stderr};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sha2::{Digest, Sha256};

use super::requirements::pinned;
use super::{ExportError, ExportEvent};
use crate::bundled::SCRIPTS;
use crate::digest::hexadecimal;
use crate::onnxruntime::{Host, RuntimeError};
use crate::trust;

/// A marker file in an environment whose packages are all installed.
const READY: &str = "ready";
/// The Python versions that the pinned packages support.
const PYTHONS: &str = ">=3.11,<3.15";
/// Python code that fails if the version is too old.
const IS_NEW_ENOUGH: &str = "import sys, venv; sys.exit(sys.version_info < (3, 11))";

/// An interpreter with all pinned packages.
pub(super) fn python(
    host: &Host,
    scripts: &Path,
    progress: &mut dyn FnMut(ExportEvent),
) -> Result<PathBuf, ExportError> {
    if let Some(python) = beside(host, scripts) {
        return Ok(python);
    }
    let pins = pinned();
    let cache = host.cache()?;
    let name = hexadecimal(&Sha256::digest(pins.join("\n")));
    let folder = cache.join(format!("export-python-{}", &name[..12]));
    if !folder.join(READY).exists() {
        if host.offline {
            return Err(RuntimeError::Offline.into());
        }
        fs::create_dir_all(cache).map_err(writing(cache))?;
        let _lock = lock(&cache.join(".export.lock"), progress)?;
        if !folder.join(READY).exists() {
            make(host, &folder, &pins, progress)?;
        }
    }
    Ok(interpreter(&folder))
}

/// The Python of the environment in which this program is installed, if it has the packages.
fn beside(host: &Host, scripts: &Path) -> Option<PathBuf> {
    let name = if cfg!(windows) {
        "python.exe"
    } else {
        "python3"
    };
    let python = host.program.as_ref()?.join(name);
    if !python.is_file() {
        return None;
    }
    let has_all = SCRIPTS.iter().all(|(script, _)| {
        let checked = trust::python(&python).and_then(|mut command| {
            command
                .env("PYTHONPATH", scripts)
                .arg(scripts.join(script))
                .arg("--check-requirements")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
        });
        checked.is_ok_and(|status| status.success())
    });
    has_all.then_some(python)
}

/// Makes an environment and installs the packages: with `uv`, or with pip if there is no `uv` or it fails, because it
/// ignores the index configured for pip.
fn make(
    host: &Host,
    folder: &Path,
    pins: &[String],
    progress: &mut dyn FnMut(ExportEvent),
) -> Result<(), ExportError> {
    let requirements = folder.with_extension("txt");
    fs::write(&requirements, pins.join("\n") + "\n").map_err(writing(&requirements))?;
    let begin = || match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(writing(folder)(error)),
        _ => Ok(()),
    };
    begin()?;
    progress(ExportEvent::Installing(folder.to_owned()));
    let with_uv = with_uv(folder, &requirements);
    if with_uv == Some(false) {
        progress(ExportEvent::WithoutUv);
        begin()?;
    }
    if with_uv != Some(true) {
        with_pip(host, folder, &requirements)?;
    }
    fs::write(folder.join(READY), "").map_err(writing(folder))
}

/// Whether `uv` succeeded; `None` if it is not installed.
fn with_uv(folder: &Path, requirements: &Path) -> Option<bool> {
    let uv = |arguments: &[&dyn AsRef<std::ffi::OsStr>]| {
        let mut command = trust::python(Path::new("uv")).ok()?;
        command.args(arguments.iter().map(|argument| argument.as_ref()));
        Some(
            command
                .stdout(stderr())
                .status()
                .is_ok_and(|status| status.success()),
        )
    };
    let made = uv(&[&"venv", &"--quiet", &"--python", &PYTHONS, &folder])?;
    let python = interpreter(folder);
    Some(
        made && uv(&[
            &"pip",
            &"install",
            &"--python",
            &python,
            &"--requirement",
            &requirements,
        ])?,
    )
}

fn with_pip(host: &Host, folder: &Path, requirements: &Path) -> Result<(), ExportError> {
    let run = |python: &Path, arguments: &[&dyn AsRef<std::ffi::OsStr>]| {
        trust::python(python).and_then(|mut command| {
            command.args(arguments.iter().map(|argument| argument.as_ref()));
            Ok(command.stdout(stderr()).status()?.success())
        })
    };
    if !run(&host.python, &[&"-c", &IS_NEW_ENOUGH]).is_ok_and(|done| done) {
        return Err(ExportError::NoPython);
    }
    let python = interpreter(folder);
    let made = run(&host.python, &[&"-m", &"venv", &folder]).is_ok_and(|done| done);
    let install: [&dyn AsRef<std::ffi::OsStr>; 6] = [
        &"-m",
        &"pip",
        &"install",
        &"--disable-pip-version-check",
        &"--requirement",
        &requirements,
    ];
    if made && run(&python, &install).is_ok_and(|done| done) {
        return Ok(());
    }
    Err(ExportError::Install {
        folder: folder.to_owned(),
    })
}

/// The Python interpreter of an environment.
fn interpreter(folder: &Path) -> PathBuf {
    match cfg!(windows) {
        true => folder.join("Scripts").join("python.exe"),
        false => folder.join("bin").join("python"),
    }
}

/// A lock held by the operating system, so that it ends with the process.
fn lock(path: &Path, progress: &mut dyn FnMut(ExportEvent)) -> Result<File, ExportError> {
    let file = File::create(path).map_err(writing(path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress(ExportEvent::Waiting);
            file.lock().map_err(writing(path))?;
        }
        Err(TryLockError::Error(source)) => return Err(writing(path)(source)),
    }
    Ok(file)
}

fn writing(path: &Path) -> impl FnOnce(io::Error) -> ExportError {
    let path = path.to_owned();
    move |source| ExportError::Write { path, source }
}
