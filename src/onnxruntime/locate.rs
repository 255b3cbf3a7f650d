//! Finds an ONNX Runtime library on this machine, in order of preference, and checks its version.

use std::ffi::{CStr, c_char, c_void};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::cached::cached_folder;
use super::library::{library_at, library_in};
use super::package;
use super::{Host, RuntimeError, Wanted, sums, whole};
use crate::trust;

/// The oldest supported release: 1.24.
const OLDEST: (u32, u32) = (1, 24);

/// A library that loads and is new enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The library file.
    pub path: PathBuf,
    /// Where it was found.
    pub source: Source,
    /// Its own version number, such as `1.32.0`.
    pub version: String,
}

/// Where a library was found, in the order in which these places are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `--onnxruntime` or `ORT_DYLIB_PATH`.
    Given,
    /// This program's cache, filled by `ip2p setup`.
    Cache,
    /// The Python environment in which this program is installed.
    Environment,
    /// The folder of this program.
    Program,
    /// A Python package.
    Python,
    /// The system's libraries.
    System,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given => "given",
            Self::Cache => "cache",
            Self::Environment => "the program's Python environment",
            Self::Program => "beside the program",
            Self::Python => "Python package",
            Self::System => "system",
        })
    }
}

/// Finds the library to use. A library that the user names is used or refused, never skipped; among the others the
/// first that loads and is new enough is used.
///
/// # Errors
/// [`RuntimeError::NotFound`], or the problem of the libraries that were found.
pub fn locate(host: &Host) -> Result<Located, RuntimeError> {
    if let Some(given) = &host.onnxruntime {
        let path = library_at(given).ok_or_else(|| RuntimeError::NoLibraryAt {
            path: given.clone(),
        })?;
        return check(&path, Source::Given);
    }
    let mut refused = None;
    // Asking Python takes a moment, so each place is searched only if those before it had nothing usable.
    let cached = |wanted| cached_folder(host, wanted).and_then(|folder| library_in(&folder));
    let sources: [(Source, &dyn Fn() -> Vec<PathBuf>); 6] = [
        // The build for GPUs also runs on the CPU, and was fetched on request.
        (Source::Cache, &|| {
            cached(Wanted::Cuda).into_iter().collect()
        }),
        (Source::Environment, &|| {
            package::libraries_beside(host.program.as_deref())
        }),
        (Source::Cache, &|| cached(Wanted::Cpu).into_iter().collect()),
        (Source::Program, &|| {
            host.program
                .iter()
                .filter_map(|folder| library_in(folder))
                .collect()
        }),
        (Source::Python, &|| {
            python_folder(&host.python)
                .and_then(|capi| package::library(&capi))
                .into_iter()
                .collect()
        }),
        (Source::System, &|| {
            host.libraries
                .iter()
                .filter_map(|folder| library_in(folder))
                .collect()
        }),
    ];
    for (source, libraries) in sources {
        for path in libraries() {
            match check(&path, source) {
                Ok(located) => return Ok(located),
                // What `ip2p setup` fetched has to be repaired, not skipped.
                Err(error @ (RuntimeError::Damaged { .. } | RuntimeError::Writable { .. })) => {
                    return Err(error);
                }
                Err(error) => {
                    tracing::warn!("skipped: {error}");
                    refused.get_or_insert(error);
                }
            }
        }
    }
    Err(refused.unwrap_or(RuntimeError::NotFound))
}

/// The folder with the library of an installed Python package, which is located without importing it.
fn python_folder(python: &Path) -> Option<PathBuf> {
    const ASK: &str = "import importlib.util as u; s = u.find_spec('onnxruntime'); \
                       print(s.submodule_search_locations[0] if s else '')";
    let output = trust::python(python)
        .ok()?
        .args(["-c", ASK])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let package = String::from_utf8(output.stdout).ok()?;
    let package = Path::new(package.trim());
    (output.status.success() && package.is_absolute()).then(|| package.join("capi"))
}

fn check(path: &Path, source: Source) -> Result<Located, RuntimeError> {
    if source == Source::Cache {
        check_cached(path)?;
    }
    let unloadable = |reason| RuntimeError::Unloadable {
        path: path.to_owned(),
        reason,
    };
    whole::refuse_cut(path).map_err(unloadable)?;
    let (version, has_api) = facts(path).map_err(unloadable)?;
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if (major, minor) < OLDEST {
        return Err(RuntimeError::TooOld {
            path: path.to_owned(),
            version,
        });
    }
    if !has_api {
        return Err(unloadable(format!(
            "it has no API of version {}",
            ort::sys::ORT_API_VERSION
        )));
    }
    Ok(Located {
        path: path.to_owned(),
        source,
        version,
    })
}

/// Checks, by sizes and times, that the files in the cache are as fetched, and that other users cannot change them.
fn check_cached(path: &Path) -> Result<(), RuntimeError> {
    let folders = path.ancestors().skip(1).take(2);
    for path in std::iter::once(path).chain(folders) {
        whole::refuse_writable(path).map_err(|reason| RuntimeError::Writable {
            path: path.to_owned(),
            reason,
        })?;
    }
    let folder = path.parent().unwrap_or(path);
    match sums::first_changed(folder) {
        Some(file) => Err(RuntimeError::Damaged { file }),
        None => Ok(()),
    }
}

/// A library's version number, and whether it has the API used here. It stays loaded, because its threads and handlers
/// do not survive unloading.
#[expect(unsafe_code)]
fn facts(path: &Path) -> Result<(String, bool), String> {
    type GetApiBase = unsafe extern "C" fn() -> *const ApiBase;
    // Made absolute, because a bare name would be searched for elsewhere.
    let path = std::path::absolute(path).map_err(|error| error.to_string())?;
    // SAFETY: the initialisers of a library with ONNX Runtime's name run here, as they would when it is used.
    let library = unsafe { libloading::Library::new(&path) }.map_err(|error| reason(&error))?;
    let library = std::mem::ManuallyDrop::new(library);
    // SAFETY: every release of ONNX Runtime exports `OrtGetApiBase` with this type.
    let base = unsafe { library.get::<GetApiBase>(c"OrtGetApiBase") }
        .map_err(|_| "it does not export OrtGetApiBase".to_owned())?;
    // SAFETY: the function takes nothing and returns a pointer to a static, or null.
    let base = unsafe { base().as_ref() }.ok_or("it has no API")?;
    // SAFETY: the function takes a number and returns a pointer to a static, or null.
    let api = unsafe { base.get_api.ok_or("it has no API")?(ort::sys::ORT_API_VERSION) };
    // SAFETY: the function takes nothing and returns a pointer to a static C string, or null.
    let version = unsafe {
        let version = base.get_version.ok_or("it has no version")?();
        (!version.is_null()).then(|| CStr::from_ptr(version))
    };
    let version = version.ok_or("it has no version")?.to_string_lossy();
    Ok((version.into_owned(), !api.is_null()))
}

/// `OrtApiBase`; another library with ONNX Runtime's name may lack its functions.
#[repr(C)]
struct ApiBase {
    get_api: Option<unsafe extern "C" fn(u32) -> *const c_void>,
    get_version: Option<unsafe extern "C" fn() -> *const c_char>,
}

/// The loader's message, which `libloading` stores as the source of its error.
pub(super) fn reason(error: &libloading::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn host() -> Host {
        Host {
            python: PathBuf::from("no-such-python"),
            ..Host::default()
        }
    }

    #[test]
    fn nothing_anywhere_is_not_found() {
        assert!(matches!(locate(&host()), Err(RuntimeError::NotFound)));
    }

    #[test]
    fn a_given_path_without_a_library_is_refused_and_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host {
            onnxruntime: Some(folder.path().to_owned()),
            ..host()
        };
        let error = locate(&host).unwrap_err();
        assert!(matches!(error, RuntimeError::NoLibraryAt { path } if path == folder.path()));
    }

    #[test]
    fn a_file_that_is_no_library_is_named_with_the_loaders_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so");
        std::fs::write(&path, "text").unwrap();
        let host = Host {
            libraries: vec![folder.path().to_owned()],
            ..host()
        };
        let message = locate(&host).unwrap_err().to_string();
        assert!(message.contains("libonnxruntime.so cannot be loaded"));
    }
}
