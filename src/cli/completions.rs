//! `ip2p completions`.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Arguments, Error, render};

/// `ip2p completions SHELL`.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// bash, elvish, fish, powershell or zsh
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<ExitCode, Error> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "ip2p", &mut script);
        render::print(&String::from_utf8_lossy(&script));
        Ok(ExitCode::SUCCESS)
    }
}
