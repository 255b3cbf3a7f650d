//! `ip2p report`: the HTML report of a run again, without inference; also while the run goes on.

use std::path::PathBuf;
use std::process::ExitCode;

use ip2p_sweep::Error;
use ip2p_sweep::store::Run;
use ip2p_sweep::views::{View, report as views};

use super::render;

/// `ip2p report`.
#[derive(Debug, clap::Args)]
pub struct Report {
    /// The run folder
    run: PathBuf,
    /// Folder of the report; by default `report` in the run folder. The page shows the images where they are
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Report {
    pub fn run(self) -> Result<ExitCode, Error> {
        let run = Run::read(&self.run)?;
        let report = views::Report {
            out: self.out,
            ..views::Report::of(&run)
        };
        render::made(&report.write()?);
        Ok(ExitCode::SUCCESS)
    }
}
