//! ONNX Runtime's Python package: where it is relative to this program, and which of its libraries to use.

use std::path::{Path, PathBuf};

use super::library::library_in;

/// Names of package folders; the second one is Debian's.
const PACKAGES: [&str; 2] = ["site-packages", "dist-packages"];

/// The libraries of packages in the Python environment whose `bin` (or `Scripts`) folder contains this program, newest
/// Python first. Found by the layout of environments, without running Python.
pub(super) fn libraries_beside(program: Option<&Path>) -> Vec<PathBuf> {
    let Some(root) = program.and_then(Path::parent) else {
        return Vec::new();
    };
    let folders = match cfg!(windows) {
        true => vec![root.join("Lib")],
        false => pythons(&root.join("lib")),
    };
    let packages = (folders.iter()).flat_map(|folder| PACKAGES.map(|name| folder.join(name)));
    packages
        .filter_map(|packages| library(&packages.join("onnxruntime").join("capi")))
        .collect()
}

/// `python3.12`, `python3.11` and so on, newest first.
fn pythons(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let minor = name.to_str()?.strip_prefix("python3.")?.parse().ok()?;
            Some((minor, entry.path()))
        })
        .collect();
    found.sort_by(|one, other| other.cmp(one));
    found.into_iter().map(|(_, path)| path).collect()
}

/// The library in a package's `capi` folder. `onnxruntime` and `onnxruntime-gpu` install into the same folder; if both
/// are there, the build for GPUs is used, which also runs on the CPU.
pub(super) fn library(capi: &Path) -> Option<PathBuf> {
    let for_gpus = capi
        .ancestors()
        .nth(2)
        .and_then(gpu_version)
        .map(|version| {
            // On Windows both have the same file name, and the package installed last has replaced the other.
            capi.join(format!("libonnxruntime.so.{version}"))
        });
    for_gpus
        .filter(|library| library.is_file())
        .or_else(|| library_in(capi))
}

/// The version of `onnxruntime-gpu` among installed packages.
fn gpu_version(packages: &Path) -> Option<String> {
    let mut names =
        (packages.read_dir().ok()?).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.find_map(|name| {
        let version = name.strip_prefix("onnxruntime_gpu-")?;
        version.strip_suffix(".dist-info").map(str::to_owned)
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{fs, io};

    use super::*;

    fn file(root: &Path, path: &str) -> io::Result<PathBuf> {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap_or(root))?;
        fs::write(&path, "")?;
        Ok(path)
    }

    #[test]
    fn the_package_of_the_programs_own_environment_is_found_the_newest_python_first() {
        let root = tempfile::tempdir().unwrap();
        let program = file(root.path(), "bin/ip2p").unwrap();
        let bin = program.parent();
        assert!(libraries_beside(bin).is_empty());
        let capi = "site-packages/onnxruntime/capi";
        let old = file(
            root.path(),
            &format!("lib/python3.9/{capi}/libonnxruntime.so.1.24.0"),
        )
        .unwrap();
        let new = file(
            root.path(),
            &format!("lib/python3.11/{capi}/libonnxruntime.so.1.32.0"),
        )
        .unwrap();
        file(root.path(), "lib/python3/site-packages/other.py").unwrap();
        assert_eq!(libraries_beside(bin), [new, old]);
    }

    #[test]
    fn of_both_builds_in_one_folder_that_for_gpus_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let cpu = file(root.path(), "onnxruntime/capi/libonnxruntime.so.1.32.0").unwrap();
        let capi = root.path().join("onnxruntime/capi");
        assert_eq!(library(&capi), Some(cpu.clone()));
        let gpu = file(root.path(), "onnxruntime/capi/libonnxruntime.so.1.31.1").unwrap();
        assert_eq!(library(&capi), Some(cpu));
        file(root.path(), "onnxruntime_gpu-1.31.1.dist-info/METADATA").unwrap();
        assert_eq!(library(&capi), Some(gpu));
    }
}
