//! `ip2p animate`: an animation along an axis of a run.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use ip2p_sweep::store::Run;
use ip2p_sweep::views::View;
use ip2p_sweep::views::animation::Animation;
use ip2p_sweep::vocabulary::Parameter;

use super::{Error, render, sheet};

/// `ip2p animate`.
#[derive(Debug, clap::Args)]
pub struct Animate {
    /// The run folder
    run: PathBuf,
    /// A cell, by its key in the first column of cells.csv or the beginning of the key
    cell: String,
    /// Axis that changes from frame to frame, e.g. guidance_scale
    #[arg(long, value_name = "AXIS", value_parser = sheet::axis)]
    along: Parameter,
    /// GIF to write [default: AXIS.gif]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How long each frame is shown, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 700, value_parser = clap::value_parser!(u64).range(20..=60_000))]
    frame_ms: u64,
}

impl Animate {
    pub fn run(self) -> Result<ExitCode, Error> {
        let run = Run::read(&self.run)?;
        let cell = run.cell(&self.cell)?.clone();
        let animation = Animation {
            run: &run,
            cell,
            along: self.along,
            frame: Duration::from_millis(self.frame_ms),
            out: self
                .out
                .unwrap_or_else(|| format!("{}.gif", self.along.key()).into()),
        };
        render::made(&animation.write()?);
        Ok(ExitCode::SUCCESS)
    }
}
