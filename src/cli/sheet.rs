//! `ip2p sheet`: the contact sheets of a run again, without inference.

use std::path::PathBuf;
use std::process::ExitCode;

use ip2p_sweep::Error;
use ip2p_sweep::judge::advice::advise;
use ip2p_sweep::sheet::{SheetFile, SheetOptions, write_sheets};
use ip2p_sweep::store::Run;

use super::render;

/// `ip2p sheet`.
#[derive(Debug, clap::Args)]
pub struct Sheet {
    /// The run folder
    run: PathBuf,
}

impl Sheet {
    pub fn run(self) -> Result<ExitCode, Error> {
        let run = Run::read(&self.run)?;
        for sheet in write_sheets(&run, &with_advice(&run))? {
            render::line(format_args!("{}", description(&sheet)));
            for note in &sheet.notes {
                render::line(format_args!("note: {note}"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What the sweep file asks for, with the advised cells outlined.
pub fn with_advice(run: &Run) -> SheetOptions {
    let advised = advise(run).cells();
    SheetOptions {
        advised: (!advised.is_empty()).then_some(advised),
        ..SheetOptions::default()
    }
}

/// Where a sheet is and how large.
pub fn description(sheet: &SheetFile) -> String {
    format!(
        "{} ({} x {})",
        sheet.path.display(),
        sheet.width,
        sheet.height
    )
}
