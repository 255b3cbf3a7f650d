//! Files built into the program: the demo's model, sweep and photo, and the scripts that export models.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use tempfile::NamedTempFile;

use crate::cache;

/// A built-in file cannot be written to where it could be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot unpack the program's built-in files into the cache: {0}")]
#[diagnostic(help(
    "check that you may write there and that there is space; XDG_CACHE_HOME moves the cache"
))]
pub struct BundledError(#[from] io::Error);

/// The name of the bundled model in sweep files.
pub const DEMO: &str = "demo";

static MODEL: Dir = include_dir!("$CARGO_MANIFEST_DIR/onnx/demo");
static SWEEP: &[u8] = include_bytes!("../sweeps/demo.toml");
static PHOTO: &[u8] = include_bytes!("../sweeps/photos/lake_house.png");
static EXPORTER: Dir = include_dir!("$CARGO_MANIFEST_DIR/onnx/ip2p_export");

/// The export scripts, each with its text.
pub(crate) const SCRIPTS: [(&str, &str); 2] = [
    ("export.py", include_str!("../onnx/export.py")),
    ("export_clip.py", include_str!("../onnx/export_clip.py")),
];

/// The miniature InstructPix2Pix, unpacked into a folder.
///
/// # Errors
/// If it cannot be written to the cache.
pub fn demo_model() -> Result<PathBuf, BundledError> {
    Ok(demo()?.join("onnx/demo"))
}

/// The sweep file of the demo.
///
/// # Errors
/// If it cannot be written to the cache.
pub fn demo_sweep() -> Result<PathBuf, BundledError> {
    Ok(demo()?.join("sweeps/demo.toml"))
}

/// The folder with the scripts in [`SCRIPTS`] and the package that they import.
///
/// # Errors
/// If they cannot be written to the cache.
pub(crate) fn exporter() -> Result<PathBuf, BundledError> {
    let scripts = SCRIPTS.map(|(name, text)| (name.into(), text.as_bytes()));
    let mut files = Vec::from(scripts);
    collect(&EXPORTER, "ip2p_export", &mut files);
    files.retain(|(name, _)| name.extension().is_some_and(|end| end == "py"));
    Ok(unpack("export", &files)?)
}

/// The demo's files, arranged as in the repository.
fn demo() -> io::Result<PathBuf> {
    let mut files = vec![
        ("sweeps/demo.toml".into(), SWEEP),
        ("sweeps/photos/lake_house.png".into(), PHOTO),
    ];
    collect(&MODEL, "onnx/demo", &mut files);
    unpack("demo", &files)
}

/// Collects every file of a bundled folder.
fn collect(folder: &Dir<'static>, root: &str, files: &mut Vec<(PathBuf, &'static [u8])>) {
    for file in folder.files() {
        files.push((Path::new(root).join(file.path()), file.contents()));
    }
    folder.dirs().for_each(|inner| collect(inner, root, files));
}

/// Writes files atomically into a folder of the cache; returns the folder.
fn unpack(name: &str, files: &[(PathBuf, &[u8])]) -> io::Result<PathBuf> {
    let cache = cache::folder().ok_or_else(|| {
        io::Error::other("there is no cache folder: neither HOME nor XDG_CACHE_HOME is set")
    })?;
    let root = cache.join(format!("{name}-{}", env!("CARGO_PKG_VERSION")));
    for (name, bytes) in files {
        let path = root.join(name);
        // Another build's file of the same name is replaced; an identical one is left alone.
        if fs::read(&path).is_ok_and(|there| there == *bytes) {
            continue;
        }
        let folder = path.parent().unwrap_or(&root);
        fs::create_dir_all(folder)?;
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.persist(&path)?;
    }
    Ok(root)
}
