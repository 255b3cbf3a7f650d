//! `ip2p demo`: the bundled sweep, on a machine where nothing is set up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use include_dir::{Dir, include_dir};
use ip2p_sweep::Error;
use ip2p_sweep::onnxruntime::{Host, Wanted, locate};
use ip2p_sweep::runner::prepare;
use ip2p_sweep::store::{make_folder, write_file};

use super::progress::ProgressFlags;
use super::run::run_prepared;
use super::{RuntimeFlags, setup};

/// The miniature InstructPix2Pix, and the sweep that shows it: as they lie in the repository.
static MODEL: Dir = include_dir!("$CARGO_MANIFEST_DIR/onnx/demo");
static SWEEP: &[u8] = include_bytes!("../../sweeps/demo.toml");
static PHOTO: &[u8] = include_bytes!("../../sweeps/photos/lake_house.png");

/// `ip2p demo`.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Run folder
    #[arg(long, value_name = "DIR", default_value = "results/demo")]
    out: PathBuf,
    #[command(flatten)]
    runtime: RuntimeFlags,
    #[command(flatten)]
    progress: ProgressFlags,
}

impl Demo {
    pub fn run(self, library: Option<PathBuf>) -> Result<ExitCode, Error> {
        let mut host = Host::current(library);
        if host.onnxruntime.is_none() && locate(&host).is_err() {
            host.onnxruntime = Some(setup::fetch(&host, Wanted::Cpu)?.path);
        }
        let sweep = unpack(host.cache()?)?;
        let prepared = prepare(&sweep, self.runtime.into())?;
        run_prepared(&prepared, &self.out, host, self.progress)
    }
}

/// Puts the bundled files into the cache, each whole, and returns the sweep file.
fn unpack(cache: &Path) -> Result<PathBuf, Error> {
    let root = cache.join(concat!("demo-", env!("CARGO_PKG_VERSION")));
    let mut files = vec![
        ("sweeps/demo.toml".into(), SWEEP),
        ("sweeps/photos/lake_house.png".into(), PHOTO),
    ];
    collect(&MODEL, &mut files);
    for (name, bytes) in files {
        let path = root.join(name);
        // Another version's file of the same name is replaced; an equal one is left alone.
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            continue;
        }
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        write_file(&path, bytes)?;
    }
    Ok(root.join("sweeps/demo.toml"))
}

/// Every file of the model, where the sweep file looks for it.
fn collect(folder: &Dir<'static>, files: &mut Vec<(PathBuf, &'static [u8])>) {
    for file in folder.files() {
        files.push((Path::new("onnx/demo").join(file.path()), file.contents()));
    }
    folder.dirs().for_each(|inner| collect(inner, files));
}
