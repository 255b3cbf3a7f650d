//! Standard output and standard error, with or without colour.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use super::clean::{clean, lines_without_commands};

/// The first error of writing to standard output.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Colour {
    /// On terminals that support it; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are respected
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Colour {
    /// Applies to everything printed from now on.
    pub fn set(self) {
        anstream::ColorChoice::from(self).write_global();
    }
}

impl From<Colour> for anstream::ColorChoice {
    fn from(colour: Colour) -> Self {
        match colour {
            Colour::Auto => Self::Auto,
            Colour::Always => Self::Always,
            Colour::Never => Self::Never,
        }
    }
}

impl From<Colour> for clap::ColorChoice {
    fn from(colour: Colour) -> Self {
        match colour {
            Colour::Auto => Self::Auto,
            Colour::Always => Self::Always,
            Colour::Never => Self::Never,
        }
    }
}

/// Whether standard error is printed in colour.
pub fn is_coloured() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

/// Prints text unchanged. A closed pipe (`ip2p schema | head`) is not an error; any other failure is reported at the
/// end ([`lost`]), because a run is worth more than its log.
pub fn print(text: &str) {
    let mut stdout = anstream::stdout().lock();
    let printed = stdout.write_all(text.as_bytes());
    remember_error(printed.and_then(|()| stdout.flush()));
}

/// Prints data for other programs unchanged, except for commands to CI services; on a terminal without whatever could
/// control it.
pub fn print_data(text: &str) {
    let text = match io::stdout().is_terminal() {
        true => clean(text),
        false => lines_without_commands(text),
    };
    let mut stdout = io::stdout().lock();
    let printed = stdout.write_all(text.as_bytes());
    remember_error(printed.and_then(|()| stdout.flush()));
}

fn remember_error(printed: io::Result<()>) {
    if let Err(error) = printed
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let _ = LOST.set(error);
    }
}

/// What went wrong first in writing to standard output, if anything did.
pub fn lost() -> Option<&'static io::Error> {
    LOST.get()
}

/// Prints a line on standard error that is already clean.
pub fn print_aside(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}
