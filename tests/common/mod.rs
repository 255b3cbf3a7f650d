//! Shared by integration tests: golden data, and ONNX Runtime, which is fetched if needed.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its own part; a test that cannot read its data fails"
)]

pub mod place;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::{Child, Command};
#[cfg(unix)]
use std::thread::sleep;
#[cfg(unix)]
use std::time::{Duration, Instant};

use ip2p_sweep::onnxruntime::{Host, Located, Runtime, Wanted, load, locate, setup};
use ndarray::ArrayD;
use safetensors::{Dtype, SafeTensors};

/// `tests/golden`.
pub fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// A JSON file of the golden data.
pub fn golden_json(path: impl AsRef<Path>) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(golden().join(path)).unwrap()).unwrap()
}

/// The float32 arrays in a golden `.safetensors` file, by name.
pub struct Tensors(HashMap<String, ArrayD<f32>>);

impl Tensors {
    pub fn read(path: impl AsRef<Path>) -> Self {
        let bytes = std::fs::read(golden().join(path)).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let floats = file
            .iter()
            .filter(|(_, tensor)| tensor.dtype() == Dtype::F32);
        let arrays = floats.map(|(name, tensor)| {
            let values = tensor.data().chunks_exact(4);
            let values = values.map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
            let array = ArrayD::from_shape_vec(tensor.shape(), values.collect()).unwrap();
            (name.to_owned(), array)
        });
        Self(arrays.collect())
    }

    /// The array with this name.
    pub fn get(&self, name: &str) -> Option<ArrayD<f32>> {
        self.0.get(name).cloned()
    }
}

/// Asks a running program to stop, as Ctrl-C does, once it listens: a signal that comes earlier ends it at once. A script
/// makes programs that it starts in the background ignore Ctrl-C, and their own programs with them: these are asked with
/// SIGTERM.
#[cfg(unix)]
pub fn interrupt(program: &Child) {
    const INT: u64 = 1 << 1;
    const TERM: u64 = 1 << 14;
    let id = program.id().to_string();
    // Without such files every program is taken to listen.
    let caught = || {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok();
        let mask = status.and_then(|status| {
            let mask = status
                .lines()
                .find_map(|line| line.strip_prefix("SigCgt:"))?;
            u64::from_str_radix(mask.trim(), 16).ok()
        });
        mask.unwrap_or(INT)
    };
    let patience = Instant::now() + Duration::from_secs(120);
    while caught() & (INT | TERM) == 0 {
        assert!(Instant::now() < patience, "it takes no signals");
        sleep(Duration::from_millis(5));
    }
    let signal = if caught() & INT != 0 { "-INT" } else { "-TERM" };
    let sent = Command::new("kill").args([signal, &id]).status();
    assert!(sent.unwrap().success());
}

/// ONNX Runtime's library: an installed one, or that of the pinned wheel, fetched into the cache.
pub fn library() -> Located {
    let host = Host::current(None);
    locate(&host)
        .or_else(|_| setup(&host, Wanted::Cpu, &mut |_| {}))
        .unwrap_or_else(|error| panic!("tests need ONNX Runtime: {error}"))
}

/// This machine, with that ONNX Runtime.
pub fn host() -> Host {
    Host::current(Some(library().path))
}

/// That ONNX Runtime, loaded.
pub fn runtime() -> Runtime {
    load(&library()).unwrap_or_else(|error| panic!("tests need ONNX Runtime: {error}"))
}

/// Copies a folder with all its content.
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

/// Removes the digests of images from a journal, as if an earlier version had written it: then the run accepts other
/// images.
pub fn forget_digests(run: &Path) {
    let path = run.join("journal.jsonl");
    let lines = std::fs::read_to_string(&path).unwrap();
    let without = lines.lines().map(|line| {
        let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
        record.as_object_mut().unwrap().remove("file");
        format!("{record}\n")
    });
    std::fs::write(&path, without.collect::<String>()).unwrap();
}

/// Every file below a folder, by relative path.
pub fn files_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        if path.is_dir() {
            let inner = files_of(&path).into_iter();
            files.extend(inner.map(|(inner, bytes)| (name.join(inner), bytes)));
        } else {
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
    files
}

/// Asserts that two folders have the same files; on failure names those that differ.
pub fn assert_same_files(one: &BTreeMap<PathBuf, Vec<u8>>, other: &BTreeMap<PathBuf, Vec<u8>>) {
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other));
    let differ = one.iter().filter(|(file, bytes)| other[*file] != **bytes);
    let differ: Vec<_> = differ.map(|(file, _)| file).collect();
    assert!(differ.is_empty(), "{differ:?}");
}
