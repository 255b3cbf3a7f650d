//! `ip2p completions`.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::events::{self, CompletionsOf, Event};
use super::{Arguments, Error, output};

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
        let text = String::from_utf8_lossy(&script).into_owned();
        match events::are_wanted() {
            true => events::emit(Event::Completions(CompletionsOf {
                shell: self.shell.to_string(),
                text,
            })),
            false => output::print(&text),
        }
        Ok(ExitCode::SUCCESS)
    }
}
