//! The NVIDIA driver and the CUDA libraries: checks that they exist, and loads them before ONNX Runtime needs them.
//!
//! ONNX Runtime opens CUDA and cuDNN by their bare names, which the system's loader finds only if they are installed.
//! It uses libraries already loaded under these names, so that only the driver has to be installed.

use std::ffi::c_int;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::locate::reason;
use super::{Located, RuntimeError, Source};
use crate::meter::cuda_driver::{CudaDriver, DriverError};

/// CUDA 13.0 as `cuDriverGetVersion` writes it.
const NEEDED: c_int = 13_000;
const NEEDED_TEXT: &str = "13.0";

/// Each library comes after those it needs (according to its `DT_NEEDED`, or because it opens them itself).
const LIBRARIES: [&str; 15] = [
    "libcudart.so.13",
    "libnvJitLink.so.13",
    "libnvrtc-builtins.so.13.0",
    "libnvrtc.so.13",
    "libcublasLt.so.13",
    "libcublas.so.13",
    "libcurand.so.10",
    "libcudnn_graph.so.9",
    "libcudnn_ops.so.9",
    "libcudnn_heuristic.so.9",
    "libcudnn_adv.so.9",
    "libcudnn_cnn.so.9",
    "libcudnn_engines_precompiled.so.9",
    "libcudnn_engines_runtime_compiled.so.9",
    "libcudnn.so.9",
];

/// Folders of NVIDIA's Python packages, under `site-packages/nvidia`.
const PACKAGES: [&str; 7] = [
    "cu13/lib",
    "cudnn/lib",
    "cublas/lib",
    "cuda_runtime/lib",
    "cuda_nvrtc/lib",
    "curand/lib",
    "nvjitlink/lib",
];

/// What is available for running on a GPU.
#[derive(Debug)]
pub(crate) struct CudaState {
    /// Whether the runtime has the CUDA provider.
    pub provider: bool,
    /// The driver and its GPUs.
    pub driver: Result<Driver, RuntimeError>,
}

/// An NVIDIA driver with at least one GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Driver {
    pub gpus: u32,
    /// The newest CUDA version it supports, as `1000 * major + 10 * minor`.
    cuda: c_int,
}

impl Driver {
    /// The newest CUDA version it supports, as `major.minor`.
    pub fn cuda(&self) -> String {
        format!("{}.{}", self.cuda / 1000, self.cuda % 1000 / 10)
    }
}

/// Inspects the runtime and the driver without loading ONNX Runtime or CUDA's libraries.
pub(crate) fn state(located: &Located) -> CudaState {
    CudaState {
        provider: has_provider(&located.path),
        driver: driver(),
    }
}

/// Checks that the GPU with this index can be used, and loads the CUDA libraries.
pub(super) fn prepare(located: &Located, state: CudaState, index: u32) -> Result<(), RuntimeError> {
    if !state.provider {
        return Err(RuntimeError::NoCudaProvider {
            path: located.path.clone(),
        });
    }
    let driver = state.driver?;
    // A build from elsewhere may be made for an older CUDA; then ONNX Runtime itself checks the version.
    if located.source == Source::Cache && driver.cuda < NEEDED {
        return Err(RuntimeError::OldDriver {
            found: driver.cuda(),
            needed: NEEDED_TEXT,
        });
    }
    if index >= driver.gpus {
        return Err(RuntimeError::NoSuchGpu {
            index,
            count: driver.gpus,
        });
    }
    preload(located)
}

/// Whether the provider's library is beside ONNX Runtime's.
fn has_provider(path: &Path) -> bool {
    let name = if cfg!(windows) {
        "onnxruntime_providers_cuda.dll"
    } else {
        "libonnxruntime_providers_cuda.so"
    };
    path.with_file_name(name).is_file()
}

fn driver() -> Result<Driver, RuntimeError> {
    match CudaDriver::open() {
        Ok(CudaDriver { gpus, cuda, .. }) => Ok(Driver { gpus, cuda }),
        Err(DriverError::Missing(error)) => Err(RuntimeError::NoDriver {
            reason: reason(&error),
        }),
        Err(DriverError::Refused(reason)) => Err(RuntimeError::NoDriver { reason }),
        Err(DriverError::NoGpu(reason)) => Err(RuntimeError::NoGpu { reason }),
    }
}

/// Loads the CUDA libraries that belong to a runtime, with global symbols; once a process.
fn preload(located: &Located) -> Result<(), RuntimeError> {
    static DONE: Mutex<bool> = Mutex::new(false);
    let mut done = DONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if *done || !cfg!(target_os = "linux") {
        return Ok(());
    }
    let folders = folders(&located.path);
    for name in LIBRARIES {
        let path = folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|path| path.is_file());
        let known = path.is_some();
        let opened = open(&path.unwrap_or_else(|| PathBuf::from(name)));
        // A build from elsewhere may use another CUDA version, but all use cuDNN 9.
        let needed = known || located.source == Source::Cache || name == "libcudnn.so.9";
        if let (Err(reason), true) = (opened, needed) {
            let reason = match other_version(&folders, name) {
                Some(other) => format!("{reason}; {other} is there, which is another version"),
                None => reason,
            };
            return Err(missing(name, reason));
        }
    }
    *done = true;
    Ok(())
}

fn missing(library: &str, reason: String) -> RuntimeError {
    let library = library.to_owned();
    if library.contains("cudnn") {
        RuntimeError::NoCudnn { library, reason }
    } else {
        RuntimeError::NoCudaLibrary { library, reason }
    }
}

/// A library of the same name with another major version in these folders: `libcudart.so.12` for `libcudart.so.13`.
fn other_version(folders: &[PathBuf], name: &str) -> Option<String> {
    let (stem, wanted) = name.split_once(".so.")?;
    let entries = folders
        .iter()
        .filter_map(|folder| folder.read_dir().ok())
        .flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|other| {
            let version = other.split_once(".so.");
            version.is_some_and(|(other, version)| other == stem && version != wanted)
        })
        .collect();
    names.sort();
    names.pop()
}

/// Folders where the libraries may be: beside the runtime, or in NVIDIA's packages beside a Python package.
fn folders(runtime: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<_> = runtime.parent().map(Path::to_owned).into_iter().collect();
    // site-packages/onnxruntime/capi/libonnxruntime.so
    if let Some(site) = runtime.ancestors().nth(3) {
        let nvidia = site.join("nvidia");
        folders.extend(PACKAGES.iter().map(|package| nvidia.join(package)));
    }
    folders
}

#[cfg(unix)]
#[expect(unsafe_code)]
fn open(path: &Path) -> Result<(), String> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    crate::trust::refuse_current_folder(path)?;
    // SAFETY: these are NVIDIA's libraries, whose initialisers run whenever ONNX Runtime loads them. They are never
    // unloaded.
    match unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) } {
        Ok(library) => {
            std::mem::forget(library);
            Ok(())
        }
        Err(error) => Err(reason(&error)),
    }
}

#[cfg(not(unix))]
fn open(_path: &Path) -> Result<(), String> {
    Ok(())
}
