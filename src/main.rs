//! `ip2p`: parse, run, print the error, exit code.

mod cli;

use std::process::ExitCode;

use clap::Parser;
use ip2p_sweep::Error;

fn main() -> ExitCode {
    cli::fault::tell_panics();
    cli::interrupt::ignore_file_size_limit();
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => usage.exit(),
    };
    if let Err(error) = cli::threads::make_pool() {
        cli::threads::tell(&error);
        return ExitCode::from(Error::FAILED);
    }
    match cli::fault::contained(|| cli::run(arguments)) {
        Some(Ok(code)) if code == ExitCode::SUCCESS && cli::render::lost() => {
            ExitCode::from(Error::FAILED)
        }
        Some(Ok(code)) => code,
        Some(Err(error)) => {
            cli::render::error(&error);
            ExitCode::from(error.exit_code())
        }
        None => ExitCode::from(Error::FAILED),
    }
}
