//! Extracts the libraries and licences from a wheel.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::RuntimeError;
use super::library::is_library;
use super::provider;

/// Unpacks the needed files of `wheel` into `folder`: libraries side by side, so that they find each other, and
/// licences under `licences/<name>/`.
pub(super) fn unpack(wheel: &Path, name: &str, folder: &Path) -> Result<(), RuntimeError> {
    let bad = |reason: String| RuntimeError::BadWheel {
        wheel: name.to_owned(),
        reason,
    };
    let file = File::open(wheel).map_err(|source| RuntimeError::writing(wheel, source))?;
    let mut archive = ZipArchive::new(file).map_err(|error| bad(error.to_string()))?;
    for index in 0..archive.len() {
        let mut member = archive
            .by_index(index)
            .map_err(|error| bad(error.to_string()))?;
        let member_name = member
            .name()
            .map_err(|error| bad(error.to_string()))?
            .into_owned();
        if let Some(target) = target(&member_name, name) {
            write(&mut member, &folder.join(target))?;
        }
    }
    Ok(())
}

/// The destination of a member of a wheel, if it is needed. Only its file name is used, so that nothing is written
/// outside the folder.
fn target(member: &str, name: &str) -> Option<PathBuf> {
    let (folder, file) = member.rsplit_once('/').unwrap_or(("", member));
    if file.is_empty() || file == ".." {
        return None;
    }
    let is_licence = [
        "LICENSE",
        "License",
        "ThirdPartyNotices",
        "third-party",
        "Privacy",
    ]
    .iter()
    .any(|start| file.starts_with(start));
    if is_licence {
        return Some(Path::new("licences").join(name).join(file));
    }
    let of_runtime = folder.ends_with("/capi")
        && (is_library(file)
            || file.contains("onnxruntime_providers_shared")
            || file.contains("onnxruntime_providers_cuda"));
    // From the CUDA wheels: everything but the wrappers for other programs' interfaces and NVRTC's second build.
    let of_cuda = folder.starts_with("nvidia/")
        && file.contains(".so.")
        && !file.contains(".alt.")
        && !file.starts_with("libnvblas");
    let of_plugin = provider::is_library(folder, file);
    (of_runtime || of_cuda || of_plugin).then(|| PathBuf::from(file))
}

/// Writes a file and syncs it, so that a folder renamed into place is complete.
fn write(member: &mut impl io::Read, path: &Path) -> Result<(), RuntimeError> {
    let failed = |source| RuntimeError::writing(path, source);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    let mut file = File::create(path).map_err(failed)?;
    io::copy(member, &mut file).map_err(failed)?;
    file.sync_all().map_err(failed)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_libraries_and_licences_are_taken() {
        let taken = |member| target(member, "a").map(|path| path.display().to_string());
        assert_eq!(
            taken("onnxruntime/capi/libonnxruntime.so.1.32.0").as_deref(),
            Some("libonnxruntime.so.1.32.0")
        );
        assert_eq!(
            taken("nvidia/cu13/lib/libcublas.so.13").as_deref(),
            Some("libcublas.so.13")
        );
        assert_eq!(
            taken("onnxruntime/LICENSE").as_deref(),
            Some("licences/a/LICENSE")
        );
        assert_eq!(
            taken("onnxruntime_ep_openvino/libopenvino.so.2641").as_deref(),
            Some("libopenvino.so.2641")
        );
        for unwanted in [
            "onnxruntime_ep_openvino/libonnxruntime_providers_openvino_plugin.so.1.8.1",
            "onnxruntime_ep_webgpu/__init__.py",
            "onnxruntime/capi/onnxruntime_pybind11_state.cpython-312-x86_64-linux-gnu.so",
            "onnxruntime/capi/libonnxruntime_providers_tensorrt.so",
            "nvidia/cu13/lib/libnvblas.so.13",
            "nvidia/cu13/lib/libnvrtc.alt.so.13",
            "nvidia/cu13/include/cublas.h",
            "onnxruntime/",
        ] {
            assert_eq!(taken(unwanted), None, "{unwanted}");
        }
    }

    #[test]
    fn a_name_that_climbs_stays_in_the_folder() {
        assert_eq!(
            target("nvidia/../../../libevil.so.1", "a"),
            Some(PathBuf::from("libevil.so.1"))
        );
        assert_eq!(target("nvidia/..", "a"), None);
    }
}
