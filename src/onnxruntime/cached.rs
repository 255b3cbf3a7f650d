//! What the cache can hold, and in which of its folders.

use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};

use super::pins::{self, Pin};
use super::{Host, RuntimeError};

/// The build to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Only for the CPU: 30 MB to download.
    Cpu,
    /// For NVIDIA GPUs, with the CUDA libraries it needs: about 1.8 GB to download and 2 GB on disk.
    Cuda,
}

impl Wanted {
    pub(super) fn pins(self) -> Result<Vec<Pin>, RuntimeError> {
        let (what, pins) = match self {
            // There are no wheels for musl.
            _ if cfg!(target_env = "musl") => ("ONNX Runtime", None),
            Self::Cpu => ("ONNX Runtime", pins::cpu(OS, ARCH).map(|pin| vec![pin])),
            Self::Cuda => ("CUDA", pins::cuda(OS, ARCH).map(<[Pin]>::to_vec)),
        };
        pins.ok_or_else(|| RuntimeError::NoBuild {
            what,
            platform: format!("{OS} {ARCH}"),
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }

    /// Its folder in the cache.
    pub(super) fn folder(self, cache: &Path) -> Result<PathBuf, RuntimeError> {
        let version = self.pins()?.first().map_or("", |pin| pin.version);
        Ok(cache.join(format!("onnxruntime-{version}-{}", self.name())))
    }
}

/// The folder of the cache that holds a runtime, if it exists.
pub(super) fn cached_folder(host: &Host, wanted: Wanted) -> Option<PathBuf> {
    let folder = wanted.folder(host.cache.as_ref()?).ok()?;
    folder.is_dir().then_some(folder)
}

/// The folder of the cache for a plugin.
pub(super) fn plugin_folder(cache: &Path, pin: &Pin) -> PathBuf {
    cache.join(format!("{}-{}", pin.name, pin.version))
}

/// The folder of the cache that holds a plugin, if it exists.
pub(super) fn cached_plugin(host: &Host, wheel: &Pin) -> Option<PathBuf> {
    let folder = plugin_folder(host.cache.as_ref()?, wheel);
    folder.is_dir().then_some(folder)
}
