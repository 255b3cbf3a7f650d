//! `ip2p schema`.

use std::process::ExitCode;

use ip2p_sweep::spec;

use super::{Error, events, render};

/// `ip2p schema`.
#[derive(Debug, clap::Args)]
pub struct Schema {
    /// The schema of a line of `--json` instead
    #[arg(long)]
    events: bool,
}

impl Schema {
    pub fn run(self) -> Result<ExitCode, Error> {
        render::print(&match self.events {
            true => events::schema(),
            false => spec::schema(),
        });
        Ok(ExitCode::SUCCESS)
    }
}
