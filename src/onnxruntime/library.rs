//! The file of ONNX Runtime's library, by its name.

use std::path::{Path, PathBuf};

/// The library that a path names: the file itself, or the one in the folder.
pub(super) fn library_at(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        library_in(path)
    } else {
        path.is_file().then(|| path.to_owned())
    }
}

/// The library in a folder; of several the one that sorts last, which is the newest or the most specifically named.
pub(super) fn library_in(folder: &Path) -> Option<PathBuf> {
    let mut names: Vec<_> = folder
        .read_dir()
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_library(name))
        .collect();
    names.sort_by_key(|name| {
        let numbers: Vec<u32> = name
            .split('.')
            .filter_map(|part| part.parse().ok())
            .collect();
        numbers
    });
    names.pop().map(|name| folder.join(name))
}

/// Whether a file has ONNX Runtime's name: `libonnxruntime.so.1.32.0`, but not `libonnxruntime_providers_cuda.so`.
pub(super) fn is_library(name: &str) -> bool {
    let versioned = |name: &str, start: &str, end: &str| {
        name.strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(end))
            .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
    };
    if cfg!(windows) {
        name.eq_ignore_ascii_case("onnxruntime.dll")
    } else if cfg!(target_os = "macos") {
        versioned(name, "libonnxruntime", ".dylib")
    } else {
        versioned(name, "libonnxruntime.so", "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_library_of_a_folder_is_taken_and_providers_are_not_it() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "libonnxruntime.so.1.9.0",
            "libonnxruntime.so.1.32.0",
            "libonnxruntime_providers_cuda.so",
            "libonnxruntime.so",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = library_in(folder.path()).unwrap();
        assert!(found.ends_with("libonnxruntime.so.1.32.0"));
    }
}
