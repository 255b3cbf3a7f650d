//! The parts of the environment that decide about the runtime. Only here and in [`crate::cache`] are environment
//! variables read.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use super::RuntimeError;
use crate::cache;

/// Environment variables and folders, as far as they matter for the runtime.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// `--onnxruntime` or `ORT_DYLIB_PATH`: a library or its folder.
    pub onnxruntime: Option<PathBuf>,
    /// This program's cache folder: `XDG_CACHE_HOME/ip2p-sweep`, or the system's equivalent.
    pub cache: Option<PathBuf>,
    /// The folder of the running program.
    pub program: Option<PathBuf>,
    /// The Python interpreter to query and to fetch with.
    pub python: PathBuf,
    /// Folders of the system's libraries.
    pub libraries: Vec<PathBuf>,
    /// `IP2P_OFFLINE`: fetch nothing.
    pub offline: bool,
}

impl Host {
    /// The environment of this process. `onnxruntime` is the value of the `--onnxruntime` flag.
    pub fn current(onnxruntime: Option<PathBuf>) -> Self {
        let given = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let python = if cfg!(windows) { "python" } else { "python3" };
        Self {
            onnxruntime: onnxruntime.or_else(|| given("ORT_DYLIB_PATH").map(PathBuf::from)),
            cache: cache::folder(),
            program: env::current_exe()
                .ok()
                // If the program is started through a link, use its real location, beside its libraries.
                .map(|program| program.canonicalize().unwrap_or(program))
                .and_then(|program| Some(program.parent()?.to_owned())),
            python: PathBuf::from(python),
            libraries: system_libraries(given("LD_LIBRARY_PATH")),
            offline: given("IP2P_OFFLINE").is_some_and(|value| value != "0"),
        }
    }

    /// The cache folder.
    ///
    /// # Errors
    /// [`RuntimeError::NoCache`] if the system has none.
    pub fn cache(&self) -> Result<&PathBuf, RuntimeError> {
        self.cache.as_ref().ok_or(RuntimeError::NoCache)
    }
}

fn system_libraries(search_path: Option<OsString>) -> Vec<PathBuf> {
    let usual: &[&str] = if cfg!(target_os = "macos") {
        &["/opt/homebrew/lib", "/usr/local/lib"]
    } else if cfg!(windows) {
        &[]
    } else {
        &[
            "/usr/local/lib",
            "/usr/lib",
            "/usr/lib64",
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib/aarch64-linux-gnu",
        ]
    };
    let mut folders: Vec<PathBuf> = search_path
        .iter()
        .flat_map(env::split_paths)
        .filter(|path| path.is_absolute())
        .collect();
    folders.extend(usual.iter().map(PathBuf::from));
    folders
}
