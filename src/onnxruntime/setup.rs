//! Fetches ONNX Runtime into the cache: whole or not at all, whoever else does the same.

use std::env::consts::{ARCH, OS};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::locate::{Located, Source, library_in};
use super::pins::{self, Pin};
use super::provider::{Plugin, PluginProvider};
use super::{Host, RuntimeError, locate, pip, sums, wheel};

/// Folders that a killed setup leaves begin so.
const STAGING: &str = ".setup-";

/// Which build to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// For the CPU alone: 30 MB to fetch.
    Cpu,
    /// For NVIDIA GPUs, with the CUDA libraries it needs: about 1.8 GB to fetch and 2 GB to keep.
    Cuda,
}

/// How far a setup is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupEvent {
    /// What is there is not whole: all of it is fetched again.
    Damaged {
        /// The first file that is missing or is not as it was fetched.
        file: PathBuf,
    },
    /// Another process sets up; this one waits.
    Waiting,
    /// A wheel is being downloaded and checked.
    Downloading {
        /// As pip calls it, such as `onnxruntime==1.32.0`.
        wheel: String,
        /// From 1.
        number: usize,
        /// Of how many.
        count: usize,
    },
    /// Its libraries are being written.
    Unpacking {
        /// As before.
        wheel: String,
    },
    /// The runtime was there already, or is now.
    Ready {
        /// Its folder.
        folder: PathBuf,
    },
}

impl Wanted {
    fn pins(self) -> Result<Vec<Pin>, RuntimeError> {
        let (what, pins) = match self {
            // Wheels for musl do not exist.
            _ if cfg!(target_env = "musl") => ("ONNX Runtime", None),
            Self::Cpu => ("ONNX Runtime", pins::cpu(OS, ARCH).map(|pin| vec![pin])),
            Self::Cuda => ("CUDA", pins::cuda(OS, ARCH).map(<[Pin]>::to_vec)),
        };
        pins.ok_or_else(|| RuntimeError::NoBuild {
            what,
            platform: format!("{OS} {ARCH}"),
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }

    /// The folder in the cache, which comes there whole.
    fn folder(self, cache: &Path) -> Result<PathBuf, RuntimeError> {
        let version = self.pins()?.first().map_or("", |pin| pin.version);
        Ok(cache.join(format!("onnxruntime-{version}-{}", self.name())))
    }
}

/// The folder of the cache that holds a runtime, if it is there.
pub(super) fn cached_folder(host: &Host, wanted: Wanted) -> Option<PathBuf> {
    let folder = wanted.folder(host.cache.as_ref()?).ok()?;
    folder.is_dir().then_some(folder)
}

/// Fetches what is wanted into the cache, unless it is there and whole. Two processes may do so at once.
///
/// # Errors
/// Whatever of Python, pip, network, wheel, disk or cache is at fault; nothing half-done is left behind
/// that would be used.
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

/// Fetches a provider that is a plugin into the cache, beside whatever ONNX Runtime there is; gives its folder.
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

fn plugin_folder(cache: &Path, pin: &Pin) -> PathBuf {
    cache.join(format!("{}-{}", pin.name, pin.version))
}

/// The folder of the cache that holds a plugin, if it is there.
pub(super) fn cached_plugin(host: &Host, plugin: &Plugin) -> Option<PathBuf> {
    let folder = plugin_folder(host.cache.as_ref()?, &plugin.wheel()?);
    folder.is_dir().then_some(folder)
}

/// Makes a folder of the cache hold these wheels, unless it is there and whole.
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

/// Reads every byte of what lies in the cache, where [`locate`] looks at sizes and times.
///
/// # Errors
/// [`RuntimeError::Damaged`] with the first file that is not as it was fetched.
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

/// Held by the system, so that it ends with the process.
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

/// Deletes what killed setups left; the lock is held, so none of it is in use.
fn remove_leftovers(cache: &Path) {
    let Ok(entries) = cache.read_dir() else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(STAGING) {
            // Failing to tidy up is no reason not to set up.
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
        // At once, so that wheels and libraries are never all on the disk together.
        fs::remove_dir_all(&downloads).map_err(writing)?;
    }
    sums::write(&unpacked).map_err(writing)?;
    let replacing = |source| RuntimeError::writing(folder, source);
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(replacing)?;
    }
    fs::rename(&unpacked, folder).map_err(replacing)
}
