//! `ip2p report`: the HTML report of a run again, without inference; also while the run goes on.

use std::path::PathBuf;
use std::process::ExitCode;

use ip2p_sweep::Error;
use ip2p_sweep::store::Run;
use ip2p_sweep::views::report::write_report;

use super::render;

/// `ip2p report`.
#[derive(Debug, clap::Args)]
pub struct Report {
    /// The run folder
    run: PathBuf,
}

impl Report {
    pub fn run(self) -> Result<ExitCode, Error> {
        let page = write_report(&Run::read(&self.run)?)?;
        render::line(format_args!("{}", page.display()));
        Ok(ExitCode::SUCCESS)
    }
}
