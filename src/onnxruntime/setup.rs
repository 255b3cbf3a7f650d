//! Fetches ONNX Runtime into the cache, atomically, even if several processes do so at once.

use std::env::consts::{ARCH, OS};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::cached::{Wanted, plugin_folder};
use super::library::library_in;
use super::locate::{Located, Source};
use super::pins::Pin;
use super::provider::PluginProvider;
use super::{Host, RuntimeError, locate, pip, sums, wheel};

/// The prefix of folders that a killed setup leaves behind.
const STAGING: &str = ".setup-";

/// The progress of a setup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupEvent {
    /// What is in the cache is damaged; everything is fetched again.
    Damaged {
        /// The first file that is missing or differs from what was fetched.
        file: PathBuf,
    },
    /// Another process is setting up; this one waits.
    Waiting,
    /// A wheel is being downloaded and checked.
    Downloading {
        /// pip's name for it, such as `onnxruntime==1.32.0`.
        wheel: String,
        /// Its number, from 1.
        number: usize,
        /// The total number.
        count: usize,
    },
    /// A wheel's libraries are being written.
    Unpacking {
        /// pip's name for it.
        wheel: String,
    },
    /// The runtime is in place.
    Ready {
        /// Its folder.
        folder: PathBuf,
    },
}

/// Fetches a build into the cache, unless it is there and intact. Several processes may do so at once.
///
/// # Errors
/// If Python, pip, the network, the wheel, the disk or the cache fails; nothing unfinished is left that would be used.
pub fn setup(
    host: &Host,
    wanted: Wanted,
    progress: &mut dyn FnMut(SetupEvent),
) -> Result<Located, RuntimeError> {
    let folder = wanted.folder(host.cache()?)?;
    fill(host, &wanted.pins()?, &folder, progress)?;
    let path = library_in(&folder).ok_or(RuntimeError::NoLibraryAt { path: folder })?;
    let fetched = Host {
        onnxruntime: Some(path),
        ..host.clone()
    };
    let located = locate(&fetched)?;
    Ok(Located {
        source: Source::Cache,
        ..located
    })
}

/// Fetches a provider that is a plugin into the cache, beside any ONNX Runtime; returns its folder.
///
/// # Errors
/// As [`setup`].
pub fn setup_plugin(
    host: &Host,
    wanted: PluginProvider,
    progress: &mut dyn FnMut(SetupEvent),
) -> Result<PathBuf, RuntimeError> {
    let plugin = wanted.plugin();
    let pin = plugin.wheel().ok_or_else(|| RuntimeError::NoBuild {
        what: plugin.key,
        platform: format!("{OS} {ARCH}"),
    })?;
    let folder = plugin_folder(host.cache()?, &pin);
    fill(host, &[pin], &folder, progress)?;
    Ok(folder)
}

/// Fills a folder of the cache with these wheels, unless it is there and intact.
fn fill(
    host: &Host,
    pins: &[Pin],
    folder: &Path,
    progress: &mut dyn FnMut(SetupEvent),
) -> Result<(), RuntimeError> {
    let cache = host.cache()?;
    if let Some(file) = sums::first_wrong(folder) {
        if folder.is_dir() {
            progress(SetupEvent::Damaged { file });
        }
        if host.offline {
            return Err(RuntimeError::Offline);
        }
        pip::version(host)?;
        fs::create_dir_all(cache).map_err(|source| RuntimeError::writing(cache, source))?;
        let _lock = lock(cache, progress)?;
        if sums::first_wrong(folder).is_some() {
            remove_leftovers(cache);
            fetch(host, pins, cache, folder, progress)?;
        }
    }
    progress(SetupEvent::Ready {
        folder: folder.to_owned(),
    });
    Ok(())
}

/// Checks every byte of the files in the cache, whereas [`locate`] checks only sizes and times.
///
/// # Errors
/// [`RuntimeError::Damaged`] with the first file that differs from what was fetched.
pub fn verify(located: &Located) -> Result<(), RuntimeError> {
    let folder = located.path.parent().unwrap_or(&located.path);
    match located.source {
        Source::Cache => {
            sums::first_wrong(folder).map_or(Ok(()), |file| Err(RuntimeError::Damaged { file }))
        }
        Source::Given | Source::Environment | Source::Program | Source::Python | Source::System => {
            Ok(())
        }
    }
}

/// A lock held by the operating system, so that it ends with the process.
fn lock(cache: &Path, progress: &mut dyn FnMut(SetupEvent)) -> Result<File, RuntimeError> {
    let path = cache.join(".lock");
    let failed = |source| RuntimeError::writing(&path, source);
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress(SetupEvent::Waiting);
            file.lock().map_err(failed)?;
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    Ok(file)
}

/// Deletes what killed setups left behind; the lock ensures that none of it is in use.
fn remove_leftovers(cache: &Path) {
    let Ok(entries) = cache.read_dir() else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(STAGING) {
            // Failing to tidy up should not stop a setup.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn fetch(
    host: &Host,
    pins: &[Pin],
    cache: &Path,
    folder: &Path,
    progress: &mut dyn FnMut(SetupEvent),
) -> Result<(), RuntimeError> {
    let writing = |source| RuntimeError::writing(cache, source);
    let staging = tempfile::Builder::new()
        .prefix(STAGING)
        .tempdir_in(cache)
        .map_err(writing)?;
    let unpacked = staging.path().join("unpacked");
    fs::create_dir(&unpacked).map_err(writing)?;
    for (index, pin) in pins.iter().enumerate() {
        let wheel = pin.requirement();
        progress(SetupEvent::Downloading {
            wheel: wheel.clone(),
            number: index + 1,
            count: pins.len(),
        });
        let downloads = staging.path().join(pin.name);
        fs::create_dir(&downloads).map_err(writing)?;
        let file = pip::download(host, pin, &downloads)?;
        progress(SetupEvent::Unpacking { wheel });
        wheel::unpack(&file, pin.name, &unpacked)?;
        // Deleted at once, so that the wheels and the libraries are never all on the disk together.
        fs::remove_dir_all(&downloads).map_err(writing)?;
    }
    sums::write(&unpacked).map_err(writing)?;
    let replacing = |source| RuntimeError::writing(folder, source);
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(replacing)?;
    }
    fs::rename(&unpacked, folder).map_err(replacing)
}
