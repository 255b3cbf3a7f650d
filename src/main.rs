//! `ip2p`: parse, run, print the error, exit code.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => usage.exit(),
    };
    match cli::run(arguments) {
        Ok(code) => code,
        Err(error) => {
            cli::render::error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
