//! What the program carries inside: the demo's model, sweep and photo, and the scripts that export models.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use tempfile::NamedTempFile;

use crate::cache;

/// What is inside cannot be put where it can be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot unpack into the cache what the program carries inside: {0}")]
#[diagnostic(help(
    "check that you may write there and that there is space; XDG_CACHE_HOME moves the cache"
))]
pub struct BundledError(#[from] io::Error);

/// What a sweep file calls the bundled model.
pub const DEMO: &str = "demo";

static MODEL: Dir = include_dir!("$CARGO_MANIFEST_DIR/onnx/demo");
static SWEEP: &[u8] = include_bytes!("../sweeps/demo.toml");
static PHOTO: &[u8] = include_bytes!("../sweeps/photos/lake_house.png");
static EXPORTER: Dir = include_dir!("$CARGO_MANIFEST_DIR/onnx/ip2p_export");

/// The scripts of the export, each with its text.
pub(crate) const SCRIPTS: [(&str, &str); 2] = [
    ("export.py", include_str!("../onnx/export.py")),
    ("export_clip.py", include_str!("../onnx/export_clip.py")),
];

/// The miniature InstructPix2Pix, as a folder.
///
/// # Errors
/// If it cannot be written to the cache.
pub fn demo_model() -> Result<PathBuf, BundledError> {
    Ok(demo()?.join("onnx/demo"))
}

/// The sweep file that shows it.
///
/// # Errors
/// If it cannot be written to the cache.
pub fn demo_sweep() -> Result<PathBuf, BundledError> {
    Ok(demo()?.join("sweeps/demo.toml"))
}

/// The folder with the scripts of [`SCRIPTS`] and the package that they import.
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

/// The demo's files, where they lie in the repository.
fn demo() -> io::Result<PathBuf> {
    let mut files = vec![
        ("sweeps/demo.toml".into(), SWEEP),
        ("sweeps/photos/lake_house.png".into(), PHOTO),
    ];
    collect(&MODEL, "onnx/demo", &mut files);
    unpack("demo", &files)
}

/// Every file of a bundled folder.
fn collect(folder: &Dir<'static>, root: &str, files: &mut Vec<(PathBuf, &'static [u8])>) {
    for file in folder.files() {
        files.push((Path::new(root).join(file.path()), file.contents()));
    }
    folder.dirs().for_each(|inner| collect(inner, root, files));
}

/// Puts files into a folder of the cache, each whole, and returns the folder.
fn unpack(name: &str, files: &[(PathBuf, &[u8])]) -> io::Result<PathBuf> {
    let cache = cache::folder().ok_or_else(|| {
        io::Error::other("there is no cache folder: neither HOME nor XDG_CACHE_HOME is set")
    })?;
    let root = cache.join(format!("{name}-{}", env!("CARGO_PKG_VERSION")));
    for (name, bytes) in files {
        let path = root.join(name);
        // Another build's file of the same name is replaced; an equal one is left alone.
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
