//! `ip2p refine`: writes a sweep file with finer steps around a cell.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ip2p_sweep::spec::SweepSpec;
use ip2p_sweep::store::{Run, write_new_file};
use ip2p_sweep::views::refine::refine;
use ip2p_sweep::views::{File, ViewFiles};
use ip2p_sweep::vocabulary::Parameter;

use super::Error;
use super::render;

/// `ip2p refine`.
#[derive(Debug, clap::Args)]
pub struct Refine {
    /// The run folder
    run: PathBuf,
    /// The cell, by its key in the first column of cells.csv or the beginning of the key
    cell: String,
    /// Sweep file to write, which must not exist; paths in it are relative to the sweep file that was run [default:
    /// beside that]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Refine {
    pub fn run(self) -> Result<ExitCode, Error> {
        let run = Run::read(&self.run)?;
        let refined = refine(&run, run.cell(&self.cell)?)?;
        let file = format!("{}.toml", refined.name);
        let out = match self.out {
            Some(out) => out,
            None => origin(&self.run, &refined.folder).join(file),
        };
        write_new_file(&out, refined.text.as_bytes())?;
        let file = out.display().to_string();
        let told =
            |(axis, values): (Parameter, Vec<String>)| format!("{axis}: {}", values.join(", "));
        render::made(&ViewFiles {
            files: vec![File::of("sweep", out.clone())],
            notes: refined.axes.into_iter().map(told).collect(),
        });
        if let Err(error) = SweepSpec::read(&out) {
            for missing in std::iter::once(&error).chain(error.others()) {
                render::note(&missing.to_string());
            }
        }
        render::next(&format!("ip2p run {}", render::shell_word(&file)));
        Ok(ExitCode::SUCCESS)
    }
}

/// The folder of the sweep file, relative to the current folder: by default run folders are in `results` where the
/// sweep was run.
fn origin(run: &Path, folder: &Path) -> PathBuf {
    if folder.is_absolute() || folder.is_dir() || folder.as_os_str().is_empty() {
        return folder.to_owned();
    }
    let beside = run.join("../..").join(folder);
    match beside.is_dir() {
        true => beside,
        false => PathBuf::new(),
    }
}
