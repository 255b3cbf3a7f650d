//! What goes to the terminal, and how errors look there.
//!
//! Text that comes from files is shown without control characters and marks that turn the direction of
//! what follows, so that none can steer the terminal.

use std::fmt::{Arguments, Write as _};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::OnceLock;

use ip2p_sweep::views::ViewFiles;
use miette::Diagnostic;

use super::Error;

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
pub fn made(made: &ViewFiles) {
    for file in &made.files {
        line(format_args!("{file}"));
    }
    for note in &made.notes {
        line(format_args!("note: {note}"));
    }
}

/// Prints several lines that have their line feeds.
pub fn block(text: &str) {
    print(&clean(text));
}

/// Prints a line that a CI service takes for a command, which [`line()`] prevents.
pub fn command(text: &str) {
    print(&format!("{}\n", without_controls(text)));
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
pub fn is_terminal_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Without what is_terminal_control the terminal or the CI service that reads the output.
fn clean(text: &str) -> String {
    let text = without_controls(text);
    let lines: Vec<String> = text.split('\n').map(without_commands).collect();
    lines.join("\n")
}

/// A line in which no service sees a command of its own: GitHub and Forgejo take `::` at its start, Azure, TeamCity and
/// older runners `##` and a bracket anywhere.
fn without_commands(line: &str) -> String {
    let text = line.trim_start();
    let blank = &line[..line.len() - text.len()];
    let text = match text.strip_prefix("::") {
        Some(rest) => format!("\u{fffd}:{rest}"),
        None => text.to_owned(),
    };
    let defused = ["##[", "##vso[", "##teamcity["]
        .iter()
        .fold(text, |text, command| {
            text.replace(command, &command.replacen('#', "\u{fffd}", 1))
        });
    format!("{blank}{defused}")
}

/// Without what is_terminal_control the terminal, but for the newline.
fn without_controls(text: &str) -> String {
    text.chars()
        .map(|c| {
            if is_terminal_control(c) && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_file_is_a_command_to_the_service_that_reads_the_output() {
        let text = "error: bad\n::error::x\n  ::stop-commands::y\n\u{1b}::set-output name=a::b\na ##vso[task] b\n##[group]";
        assert_eq!(
            clean(text),
            "error: bad\n\u{fffd}:error::x\n  \u{fffd}:stop-commands::y\n\u{fffd}::set-output name=a::b\na \u{fffd}#vso[task] b\n\u{fffd}#[group]"
        );
        assert_eq!(
            clean("std::path stays, and # and ## do"),
            "std::path stays, and # and ## do"
        );
    }
}
