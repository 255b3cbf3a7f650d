//! What goes to the terminal, and how errors look there.
//!
//! Text that comes from files is shown without control characters and marks that turn the direction of
//! what follows, so that none can steer the terminal.

use std::fmt::{Arguments, Write as _};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::OnceLock;

use ip2p_sweep::Error;
use ip2p_sweep::views::Made;
use miette::Diagnostic;

/// Why standard output could not be written, the first time.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Prints text as it is. A reader that went away (`ip2p schema | head`) is no error; what else hinders it is told
/// at the end ([`lost`]), since a run is worth more than its log.
pub fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let printed = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    if let Err(error) = printed
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let _ = LOST.set(error);
    }
}

/// Tells of output that could not be printed, if there was some.
pub fn lost() -> bool {
    if let Some(error) = LOST.get() {
        aside(format_args!(
            "error: cannot write to standard output: {error}\nhint: free some space, or send it elsewhere"
        ));
    }
    LOST.get().is_some()
}

/// Prints one line.
pub fn line(text: Arguments) {
    print(&format!("{}\n", clean(&text.to_string())));
}

/// Prints what was made: a path a line, and what should be known.
pub fn made(made: &Made) {
    for file in &made.files {
        line(format_args!("{file}"));
    }
    for note in &made.notes {
        line(format_args!("note: {note}"));
    }
}

/// Prints one line on standard error.
pub fn aside(text: Arguments) {
    let _ = writeln!(io::stderr().lock(), "{}", clean(&text.to_string()));
}

/// Prints an error with its place and remedy:
///
/// ```text
/// error: guidance_scale has no values
///   --> winter.toml:7:18
/// hint: give at least one number, e.g. guidance_scale = [7.0]
/// ```
pub fn error(error: &Error) {
    let others = error
        .others()
        .iter()
        .map(|other| report(other, other.location()));
    for text in std::iter::once(report(error, error.location())).chain(others) {
        aside(format_args!("{text}"));
    }
}

fn report(error: &dyn Diagnostic, location: Option<(&Path, usize, usize)>) -> String {
    let mut text = format!("error: {error}");
    if let Some((path, line, column)) = location {
        let _ = write!(text, "\n  --> {}:{line}:{column}", path.display());
    }
    let mut source = error.source();
    while let Some(cause) = source {
        // Messages that already end with their cause are not repeated.
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            let _ = write!(text, "\ncaused by: {cause_text}");
        }
        source = cause.source();
    }
    let inner = error.diagnostic_source();
    if let Some(hint) = error.help().or_else(|| inner.and_then(Diagnostic::help)) {
        let _ = write!(text, "\nhint: {hint}");
    }
    text
}

/// Whether a character acts on the terminal: controls, and the marks of direction of Unicode's UAX 9.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Without what steers the terminal, but for the newline.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| {
            if steers(c) && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}
