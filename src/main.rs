//! `ip2p`: parses the arguments, runs the command, prints its error and returns the exit code.

mod cli;

use std::process::ExitCode;

use cli::Exit;

fn main() -> ExitCode {
    cli::fault::report_panics();
    cli::interrupt::ignore_file_size_limit();
    let arguments = cli::parse();
    if let Err(error) = cli::threads::make_pool() {
        cli::threads::report_no_threads(&error);
        return Exit::Failed.into();
    }
    match cli::fault::catching_panics(|| cli::run(arguments)) {
        Some(Ok(code)) if code == ExitCode::SUCCESS && cli::render::report_lost_output() => {
            Exit::Failed.into()
        }
        Some(Ok(code)) => code,
        Some(Err(error)) => {
            cli::complaint::error(&error);
            Exit::from(&error).into()
        }
        None => Exit::Failed.into(),
    }
}
