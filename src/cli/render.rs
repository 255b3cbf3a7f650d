//! What goes to the terminal: results to standard output, notes and progress to standard error.
//!
//! Text that comes from files is shown without control characters and marks that turn the direction of
//! what follows, so that none can steer the terminal. Colour is laid on after that, where the terminal wants it.

use std::fmt::Arguments;
use std::io::{self, Write as _};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use ip2p_sweep::views::ViewFiles;

use super::events;

/// Why standard output could not be written, the first time.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Colour {
    /// On terminals that have it; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are heeded
    #[default]
    Auto,
    /// Wherever the output goes
    Always,
    /// Not at all
    Never,
}

impl Colour {
    /// For everything that is printed from here on.
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

/// Whether standard error is shown in colour.
pub fn is_coloured() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

/// What a line on standard error begins with.
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

    /// The label and a text, without what steers the terminal.
    pub fn before(self, text: &str) -> String {
        let (style, word) = (self.style(), self.word());
        format!("{style}{word}{style:#} {}", clean(text))
    }
}

/// Prints text as it is. A reader that went away (`ip2p schema | head`) is not an error; what else hinders it is told
/// at the end ([`lost`]), since a run is worth more than its log.
pub fn print(text: &str) {
    let mut stdout = anstream::stdout().lock();
    let printed = stdout.write_all(text.as_bytes());
    keep_loss(printed.and_then(|()| stdout.flush()));
}

/// Prints bytes as they are.
pub fn print_bytes(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    let printed = stdout.write_all(bytes);
    keep_loss(printed.and_then(|()| stdout.flush()));
}

fn keep_loss(printed: io::Result<()>) {
    if let Err(error) = printed
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let _ = LOST.set(error);
    }
}

/// Tells of output that could not be printed, if there was some.
pub fn lost() -> bool {
    if let Some(error) = LOST.get() {
        complain(
            &format!("cannot write to standard output: {error}"),
            "free some space, or send it elsewhere",
        );
    }
    LOST.get().is_some()
}

/// Prints one line of the result.
pub fn line(text: Arguments) {
    debug_assert!(!events::are_wanted(), "words among events: {text}");
    print(&format!("{}\n", clean(&text.to_string())));
}

/// Prints what was made: a path a line, and what should be known.
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

/// Prints several lines that have their line feeds.
pub fn block(text: &str) {
    debug_assert!(!events::are_wanted(), "words among events: {text}");
    print(&clean(text));
}

/// Prints a line that a CI service takes for a command, which [`line()`] prevents.
pub fn command(text: &str) {
    print(&format!("{}\n", without_controls(text)));
}

/// Tells something to know: on standard error, or as an event.
pub fn note(text: &str) {
    match events::are_wanted() {
        true => events::note(text),
        false => labelled(Label::Note, text),
    }
}

/// Tells what to do; programs that read events know it from the verdicts.
pub fn hint(text: &str) {
    if !events::are_wanted() {
        labelled(Label::Hint, text);
    }
}

/// Tells a command to go on with, as it can be pasted. Programs that read events know what they want.
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

/// An error that no type of the library stands for, and what to do about it.
pub fn complain(problem: &str, remedy: &str) {
    labelled(Label::Error, problem);
    labelled(Label::Hint, remedy);
}

/// Prints a line that is clean already, on standard error.
pub fn print_aside(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// A path or another word as a shell takes it, whatever is in it.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:\\=,".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// Whether a character acts on the terminal: controls, and the marks of direction of Unicode's UAX 9.
pub fn is_terminal_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Without what steers the terminal or the CI service that reads the output.
pub fn clean(text: &str) -> String {
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

/// Without what steers the terminal, but for the newline.
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
