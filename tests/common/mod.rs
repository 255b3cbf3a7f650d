//! What integration tests share: the golden folder, and ONNX Runtime, fetched if need be.
#![allow(dead_code, reason = "each test file uses its own part of this module")]

use std::path::{Path, PathBuf};

use ip2p_sweep::model::runtime::{Host, Runtime, Wanted, load, locate, setup};

/// `tests/golden`.
pub fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// ONNX Runtime: the one that is installed, else the pinned wheel's, fetched into the cache.
pub fn runtime() -> Runtime {
    let host = Host::current(None);
    let located = locate(&host)
        .or_else(|_| setup(&host, Wanted::Cpu, &mut |_| {}))
        .unwrap_or_else(|error| panic!("tests need ONNX Runtime: {error}"));
    load(&located).unwrap_or_else(|error| panic!("tests need ONNX Runtime: {error}"))
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
