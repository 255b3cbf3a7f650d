//! Everything that is said: results on standard output, notes and progress on standard error, or events instead.
//!
//! Text from files is printed without what could control the terminal (`clean.rs`). Colour is added afterwards, if the
//! terminal supports it.

use std::fmt::Arguments;

use anstyle::{AnsiColor, Style};
use ip2p_sweep::views::ViewFiles;

use super::clean::{clean, without_controls};
use super::events;
use super::output::{self, print, print_aside};

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

/// Reports that some output could not be printed; returns whether there was any.
pub fn report_lost_output() -> bool {
    if let Some(error) = output::lost() {
        complain(
            &format!("cannot write to standard output: {error}"),
            "free some space, or redirect the output elsewhere",
        );
    }
    output::lost().is_some()
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

/// A path or another word, quoted for a shell.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:\\=,".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}
