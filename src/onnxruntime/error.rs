//! Why no ONNX Runtime or device can be used, each with its remedy.

use std::path::PathBuf;

/// No usable runtime or device, or no way to fetch one.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum RuntimeError {
    /// No runtime is installed.
    #[error("ONNX Runtime was not found")]
    #[diagnostic(help(
        "run `ip2p setup` to fetch it, or give its path with --onnxruntime or ORT_DYLIB_PATH"
    ))]
    NotFound,
    /// The files in the cache are not those that were fetched.
    #[error("{} is missing or damaged: it differs from what was fetched", file.display())]
    #[diagnostic(help(
        "run `ip2p setup` again to fetch it, with --cuda if it was set up that way"
    ))]
    Damaged {
        /// The file.
        file: PathBuf,
    },
    /// Other users could change the files that would be loaded.
    #[error("{} is not loaded: {reason}", path.display())]
    #[diagnostic(help(
        "a library that others can change could do anything as you: remove it and run `ip2p setup` again, take the permission away \
         (`chmod o-w`), or name another library with --onnxruntime"
    ))]
    Writable {
        /// The file or folder.
        path: PathBuf,
        /// Who could.
        reason: String,
    },
    /// The path that the user gave has no library.
    #[error("{} holds no ONNX Runtime library", path.display())]
    #[diagnostic(help(
        "--onnxruntime and ORT_DYLIB_PATH name the library (such as libonnxruntime.so) or its folder; or leave them out"
    ))]
    NoLibraryAt {
        /// The path as given.
        path: PathBuf,
    },
    /// The file cannot be loaded.
    #[error("{} cannot be loaded: {reason}", path.display())]
    #[diagnostic(help(
        "it is not ONNX Runtime, or is for another system; run `ip2p setup` to fetch one that fits"
    ))]
    Unloadable {
        /// The file.
        path: PathBuf,
        /// The loader's error.
        reason: String,
    },
    /// The library's programming interface is too old.
    #[error("{} is ONNX Runtime {version}; 1.24 or newer is needed", path.display())]
    #[diagnostic(help(
        "run `ip2p setup` to fetch a newer one, or upgrade with `python3 -m pip install -U onnxruntime`"
    ))]
    TooOld {
        /// The library.
        path: PathBuf,
        /// Its own version number.
        version: String,
    },
    /// Another library is already loaded in this process.
    #[error("ONNX Runtime at {} is already loaded, so {} cannot be", loaded.display(), path.display())]
    #[diagnostic(help("start the program again for another ONNX Runtime"))]
    OtherLoaded {
        /// The library in use.
        loaded: PathBuf,
        /// The library requested.
        path: PathBuf,
    },
    /// The library loads but does not start.
    #[error("ONNX Runtime at {} does not start: {reason}", path.display())]
    #[diagnostic(help("run `ip2p setup` to fetch the version that is known to work"))]
    Start {
        /// The library.
        path: PathBuf,
        /// Its error.
        reason: String,
    },

    /// Fetching is forbidden.
    #[error("IP2P_OFFLINE is set, so nothing is fetched")]
    #[diagnostic(help("unset IP2P_OFFLINE, or give an installed library with --onnxruntime"))]
    Offline,
    /// No build exists for this machine.
    #[error("there is no {what} build for {platform}")]
    #[diagnostic(help(
        "build ONNX Runtime from source and give its library with --onnxruntime, or use another machine"
    ))]
    NoBuild {
        /// `ONNX Runtime` or `CUDA`.
        what: &'static str,
        /// Operating system and processor.
        platform: String,
    },
    /// Python was not found.
    #[error("{} was not found; it is needed to fetch ONNX Runtime", python.display())]
    #[diagnostic(help(
        "install Python 3 with pip, or give an ONNX Runtime library with --onnxruntime"
    ))]
    NoPython {
        /// The command that was tried.
        python: PathBuf,
    },
    /// Python has no pip.
    #[error("{} has no pip: {reason}", python.display())]
    #[diagnostic(help(
        "install it: `python3 -m ensurepip`, or your system's package (such as python3-pip)"
    ))]
    NoPip {
        /// The interpreter.
        python: PathBuf,
        /// Its error message.
        reason: String,
    },
    /// The package index could not be reached.
    #[error("the package index cannot be reached for {wheel}: {reason}")]
    #[diagnostic(help(
        "check the network and the proxy; pip's own settings (`pip config list`) apply here; or download the wheel elsewhere and give the library in it with --onnxruntime"
    ))]
    Network {
        /// The requested wheel.
        wheel: String,
        /// pip's error message.
        reason: String,
    },
    /// The package index does not have the wheel.
    #[error("the package index has no {wheel} for this platform: {reason}")]
    #[diagnostic(help(
        "if pip is set to a mirror (`pip config list`), the mirror may lack it; upgrade pip with `python3 -m pip install -U pip`"
    ))]
    NoWheel {
        /// The requested wheel.
        wheel: String,
        /// pip's error message.
        reason: String,
    },
    /// pip failed in another way.
    #[error("pip cannot download {wheel}: {reason}")]
    #[diagnostic(help(
        "try `python3 -m pip download {wheel} --no-deps` by hand to see all of its output"
    ))]
    Pip {
        /// The requested wheel.
        wheel: String,
        /// pip's error message.
        reason: String,
    },
    /// The wheel is not the pinned one.
    #[error("{wheel} has SHA-256 {found}, not the pinned {expected}")]
    #[diagnostic(help(
        "the package index served another file: check pip's index settings (`pip config list`), or report it"
    ))]
    Checksum {
        /// The file's name.
        wheel: String,
        /// The pinned SHA-256.
        expected: &'static str,
        /// The SHA-256 of the downloaded file.
        found: String,
    },
    /// The wheel cannot be unpacked.
    #[error("{wheel} cannot be unpacked: {reason}")]
    #[diagnostic(help("run `ip2p setup` again"))]
    BadWheel {
        /// The file's name.
        wheel: String,
        /// Why.
        reason: String,
    },
    /// The disk is full.
    #[error("no space is left for {}", path.display())]
    #[diagnostic(help(
        "free some space (100 MB; with CUDA 4 GB), or set XDG_CACHE_HOME to a larger disk"
    ))]
    DiskFull {
        /// What was being written.
        path: PathBuf,
    },
    /// The cache folder cannot be used.
    #[error("cannot write to the cache folder {}: {source}", path.display())]
    #[diagnostic(help("make it writable, or set XDG_CACHE_HOME to a folder that is"))]
    Cache {
        /// The folder or file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The system has no cache folder.
    #[error("no cache folder is known: neither XDG_CACHE_HOME nor HOME is set")]
    #[diagnostic(help("set XDG_CACHE_HOME to a folder"))]
    NoCache,

    /// The runtime is a build without CUDA.
    #[error("ONNX Runtime at {} has no CUDA provider", path.display())]
    #[diagnostic(help("run `ip2p setup --cuda`, or set device = \"cpu\" under [runtime]"))]
    NoCudaProvider {
        /// The library.
        path: PathBuf,
    },
    /// A provider that is fetched separately is missing.
    #[error("the {key} provider is not installed")]
    #[diagnostic(help("run `ip2p setup --{key}`, or set device = \"cpu\" under [runtime]"))]
    NoPlugin {
        /// Its name for `ip2p setup`.
        key: &'static str,
    },
    /// ONNX Runtime does not accept a provider.
    #[error("ONNX Runtime cannot load {}: {reason}", path.display())]
    #[diagnostic(help(
        "run `ip2p setup` and set the provider up again, which fetch versions that are known to fit; or set device = \"cpu\" \
         under [runtime]"
    ))]
    PluginRefused {
        /// The provider's library.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A provider finds no device.
    #[error("the {key} provider finds no device that it can use")]
    #[diagnostic(help("it needs {needs}; or set device = \"cpu\" under [runtime]"))]
    NoPluginDevice {
        /// Its name in sweep files.
        key: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// A memory limit cannot be enforced on this device.
    #[error(
        "runtime.memory_limit_mib does not work on {device}: its provider manages its own memory"
    )]
    #[diagnostic(help(
        "leave memory_limit_mib out; memory = \"phased\" and batch = 1 take the least"
    ))]
    NoMemoryLimit {
        /// The device's name in sweep files.
        device: String,
    },
    /// There is no NVIDIA driver.
    #[error("there is no NVIDIA driver: {reason}")]
    #[diagnostic(help(
        "install the NVIDIA driver (580 or newer), or set device = \"cpu\" under [runtime]; in a container, start it with GPU access"
    ))]
    NoDriver {
        /// The loader's error.
        reason: String,
    },
    /// The driver is too old for the libraries.
    #[error("the NVIDIA driver knows CUDA {found} only; CUDA {needed} is needed")]
    #[diagnostic(help(
        "install NVIDIA driver 580 or newer, or set device = \"cpu\" under [runtime]"
    ))]
    OldDriver {
        /// The CUDA version it supports, as `major.minor`.
        found: String,
        /// The CUDA version needed, as `major.minor`.
        needed: &'static str,
    },
    /// The driver finds no GPU.
    #[error("the NVIDIA driver finds no GPU: {reason}")]
    #[diagnostic(help(
        "check `nvidia-smi` and CUDA_VISIBLE_DEVICES, or set device = \"cpu\" under [runtime]"
    ))]
    NoGpu {
        /// The driver's error.
        reason: String,
    },
    /// There is no GPU with this index.
    #[error("there is no GPU cuda:{index}; this machine has {count}")]
    #[diagnostic(help("GPUs count from cuda:0; see `nvidia-smi`"))]
    NoSuchGpu {
        /// The index requested.
        index: u32,
        /// The number of GPUs.
        count: u32,
    },
    /// A CUDA library cannot be loaded.
    #[error("the CUDA library {library} is missing or does not load: {reason}")]
    #[diagnostic(help("run `ip2p setup --cuda` to fetch the versions that are known to work"))]
    NoCudaLibrary {
        /// Its file name.
        library: String,
        /// The loader's error.
        reason: String,
    },
    /// A cuDNN library cannot be loaded.
    #[error("the cuDNN library {library} is missing or does not load: {reason}")]
    #[diagnostic(help("run `ip2p setup --cuda` to fetch cuDNN 9.24, which is known to work"))]
    NoCudnn {
        /// Its file name.
        library: String,
        /// The loader's error.
        reason: String,
    },
}

impl RuntimeError {
    /// The error of a failed write at `path`.
    pub(super) fn writing(path: &std::path::Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path }
            }
            _ => Self::Cache { path, source },
        }
    }
}
