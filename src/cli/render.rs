//! Everything that is printed: results to standard output, notes and progress to standard error.
//!
//! Text from files is printed without control characters and bidirectional formatting marks, so that it cannot control
//! the terminal. Colour is added afterwards, if the terminal supports it.

use std::fmt::Arguments;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use ip2p_sweep::views::ViewFiles;

use super::events;

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

/// The label at the beginning of a line on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    Error,
    Cause,
    Hint,
    Note,
    Next,
}

impl Label {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error:",
            Self::Cause => "caused by:",
            Self::Hint => "hint:",
            Self::Note => "note:",
            Self::Next => "next:",
        }
    }

    fn style(self) -> Style {
        let colour = match self {
            Self::Error => AnsiColor::Red,
            Self::Cause | Self::Note => AnsiColor::Yellow,
            Self::Hint | Self::Next => AnsiColor::Cyan,
        };
        colour.on_default().bold()
    }

    /// The label and a text, cleaned of control characters.
    pub fn before(self, text: &str) -> String {
        let (style, word) = (self.style(), self.word());
        format!("{style}{word}{style:#} {}", clean(text))
    }
}

/// Prints text unchanged. A closed pipe (`ip2p schema | head`) is not an error; any other failure is reported at the
/// end ([`report_lost_output`]), because a run is worth more than its log.
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

/// Reports that some output could not be printed; returns whether there was any.
pub fn report_lost_output() -> bool {
    if let Some(error) = LOST.get() {
        complain(
            &format!("cannot write to standard output: {error}"),
            "free some space, or redirect the output elsewhere",
        );
    }
    LOST.get().is_some()
}

/// Prints one line of the result.
pub fn line(text: Arguments) {
    debug_assert!(!events::are_wanted(), "words among events: {text}");
    print(&format!("{}\n", clean(&text.to_string())));
}

/// Prints the files made, one path a line, and the notes on them.
pub fn made(made: &ViewFiles) {
    if events::are_wanted() {
        events::made(made);
    } else {
        for file in &made.files {
            line(format_args!("{file}"));
        }
    }
    made.notes.iter().for_each(|text| note(text));
}

/// Prints several lines that end with line feeds.
pub fn block(text: &str) {
    debug_assert!(!events::are_wanted(), "words among events: {text}");
    print(&clean(text));
}

/// Prints a line that a CI service takes for a command, which [`line()`] would prevent.
pub fn command(text: &str) {
    print(&format!("{}\n", without_controls(text)));
}

/// Reports a note: on standard error, or as an event.
pub fn note(text: &str) {
    match events::are_wanted() {
        true => events::note(text),
        false => labelled(Label::Note, text),
    }
}

/// Prints what to do; programs that read events know it from the verdicts.
pub fn hint(text: &str) {
    if !events::are_wanted() {
        labelled(Label::Hint, text);
    }
}

/// Prints a command to continue with, ready to be pasted; omitted if events are printed.
pub fn next(command: &str) {
    if !events::are_wanted() {
        labelled(Label::Next, command);
    }
}

/// Prints one line on standard error.
pub fn aside(text: Arguments) {
    print_aside(&clean(&text.to_string()));
}

/// Prints a label and a text on standard error.
pub fn labelled(label: Label, text: &str) {
    print_aside(&label.before(text));
}

/// Reports an error that is no error type of the library, with what to do about it.
pub fn complain(problem: &str, remedy: &str) {
    labelled(Label::Error, problem);
    labelled(Label::Hint, remedy);
}

/// Prints a line on standard error that is already clean.
pub fn print_aside(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// A path or another word, quoted for a shell.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:\\=,".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// Whether a character acts on the terminal: control characters, line and paragraph separators, and bidirectional
/// formatting (Unicode's UAX 9).
pub fn is_terminal_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Removes whatever could control the terminal, or the CI service that reads the output.
pub fn clean(text: &str) -> String {
    lines_without_commands(&without_controls(text))
}

/// How commands begin that Azure, TeamCity and older runners of GitHub recognise anywhere in a line.
const COMMANDS: [&str; 3] = ["##[", "##vso[", "##teamcity["];

/// The same JSON, escaped so that no CI service takes any of it for a command.
pub fn json_without_commands(text: &str) -> String {
    (COMMANDS.iter()).fold(text.to_owned(), |text, command| {
        text.replace(command, &command.replacen('#', "\\u0023", 1))
    })
}

fn lines_without_commands(text: &str) -> String {
    let lines = text.split_inclusive(begins_a_line);
    lines.map(without_commands).collect()
}

/// Whether some program that reads the output takes what follows the character for another line.
fn begins_a_line(c: char) -> bool {
    matches!(
        c,
        '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// A line that no CI service takes for a command: GitHub and Forgejo recognise `::` at its start.
fn without_commands(line: &str) -> String {
    let text = line.trim_start();
    let blank = &line[..line.len() - text.len()];
    let text = match text.strip_prefix("::") {
        Some(rest) => format!("\u{fffd}:{rest}"),
        None => text.to_owned(),
    };
    let defused = COMMANDS.iter().fold(text, |text, command| {
        text.replace(command, &command.replacen('#', "\u{fffd}", 1))
    });
    format!("{blank}{defused}")
}

/// Removes whatever could control the terminal, except line feeds.
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
            lines_without_commands("a\r::error::b\u{2028}::c\r\n::d"),
            "a\r\u{fffd}:error::b\u{2028}\u{fffd}:c\r\n\u{fffd}:d"
        );
        assert_eq!(
            clean("std::path stays, and # and ## do"),
            "std::path stays, and # and ## do"
        );
    }
}
