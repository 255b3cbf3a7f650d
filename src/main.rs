//! `ip2p`: parse, run, print the error, exit code.

mod cli;

use std::process::ExitCode;

use clap::Parser;
use ip2p_sweep::Error;

fn main() -> ExitCode {
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => usage.exit(),
    };
    match cli::run(arguments) {
        Ok(code) if code == ExitCode::SUCCESS && cli::render::lost() => {
            ExitCode::from(Error::FAILED)
        }
        Ok(code) => code,
        Err(error) => {
            cli::render::error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
