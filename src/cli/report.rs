//! `ip2p report`: writes the HTML report of a run again, without inference, even while the run goes on.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use ip2p_sweep::store::Run;
use ip2p_sweep::views::{View, report as views};

use super::Error;
use super::events;
use super::render;

/// `ip2p report`.
#[derive(Debug, clap::Args)]
pub struct Report {
    /// The run folder
    run: PathBuf,
    /// Folder for the report, whose page then refers to the images where they are [default: `report` in the run folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write a single file with the images inside, to send by mail, instead of the folder `report`
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    single_file: Option<PathBuf>,
    /// Stage of a chain, by name [default: the last]
    #[arg(long, value_name = "NAME")]
    stage: Option<String>,
}

impl Report {
    pub fn run(self) -> Result<ExitCode, Error> {
        let run = Run::read(&self.run)?.stage(self.stage.as_deref())?;
        let Some(out) = self.single_file else {
            let report = views::Report {
                out: self.out,
                ..views::Report::of(&run)
            };
            render::made(&report.write()?);
            return Ok(ExitCode::SUCCESS);
        };
        let made = views::SingleReport { run: &run, out }.write()?;
        if events::are_wanted() {
            events::made(&made);
            return Ok(ExitCode::SUCCESS);
        }
        for file in &made.files {
            let bytes = fs::metadata(&file.path).map_or(0, |metadata| metadata.len());
            let mib = bytes as f64 / f64::from(1 << 20);
            render::line(format_args!("{file} ({mib:.1} MiB)"));
        }
        Ok(ExitCode::SUCCESS)
    }
}
