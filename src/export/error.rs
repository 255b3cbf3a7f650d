//! Why an export could not begin. Errors of the export itself are reported by its script.

use std::io;
use std::path::PathBuf;

use crate::bundled::BundledError;
use crate::onnxruntime::RuntimeError;

/// Why an export could not begin.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ExportError {
    /// The folder to write exists already.
    #[error("{} exists already", path.display())]
    #[diagnostic(help("choose another --out, or replace it with --overwrite"))]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// The folder to export holds no model.
    #[error("{} is not a model to export: it has no {file}", folder.display())]
    #[diagnostic(help(
        "name a folder of diffusers (of transformers with --clip), a checkpoint file, or a model of the hub"
    ))]
    NoModel {
        /// The folder.
        folder: PathBuf,
        /// The file that each such folder has.
        file: &'static str,
    },
    /// Neither of the two tools that can make an environment is installed.
    #[error("exporting needs `uv`, or Python 3.11 or newer with venv, and neither was found")]
    #[diagnostic(help(
        "install one of them; or install ip2p-sweep[export] into an environment of your own with pip"
    ))]
    NoPython,
    /// The packages could not be installed.
    #[error("the packages of the export could not be installed into {}", folder.display())]
    #[diagnostic(help(
        "the output of pip or uv above says why: usually the network, a proxy, or the disk (the packages take several GB)"
    ))]
    Install {
        /// The environment.
        folder: PathBuf,
    },
    /// The environment's folder cannot be made.
    #[error("cannot write {}: {source}", path.display())]
    #[diagnostic(help(
        "check that you may write there and that there is space; XDG_CACHE_HOME moves the cache"
    ))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The scripts could not be unpacked.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Scripts(#[from] BundledError),
    /// The Python interpreter cannot be started.
    #[error("{} cannot be run: {source}", python.display())]
    #[diagnostic(help("remove its environment, so that it is made again, and repeat the export"))]
    Start {
        /// The interpreter.
        python: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// There is no cache folder, or fetching is forbidden.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Runtime(#[from] RuntimeError),
}
