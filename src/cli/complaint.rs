//! How errors look on the terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use ip2p_sweep::spec::{Excerpt, SpecError};
use miette::Diagnostic;

use super::clean::clean;
use super::error::remedy;
use super::output::print_aside;
use super::render::Label;
use super::{Error, Exit, events};

/// The style of locations, less prominent than the error itself.
const PLACE: Style = AnsiColor::Blue.on_default();

/// The style of the caret.
const CARET: Style = AnsiColor::Red.on_default().bold();

/// Prints an error with its location and remedy:
///
/// ```text
/// error: guidance_scale has no values
///   --> winter.toml:7:18
///    |
///  7 | guidance_scale = []
///    |                  ^
/// hint: give at least one number, e.g. guidance_scale = [7.0]
/// ```
pub fn error(error: &Error) {
    print_aside(&report(error, error.of_sweep_file()));
    for other in error.others() {
        print_aside(&report(other, Some(other)));
    }
    if events::are_wanted() {
        events::error(error, error.location(), Exit::from(error).code());
        for other in error.others() {
            events::error(other, other.location(), Exit::from(error).code());
        }
    }
}

fn report(error: &dyn Diagnostic, spec: Option<&SpecError>) -> String {
    let mut told = error.to_string();
    // Libraries' messages may end with line feeds.
    let mut text = Label::Error.before(told.trim_end());
    if let Some((path, line, column)) = spec.and_then(SpecError::location) {
        let place = clean(&format!("{}:{line}:{column}", path.display()));
        let _ = write!(text, "\n  {PLACE}-->{PLACE:#} {place}");
    }
    if let Some(excerpt) = spec.and_then(SpecError::excerpt) {
        text.push_str(&pointed_at(excerpt));
    }
    let mut source = error.source();
    while let Some(cause) = source {
        // A cause that its error's message already ends with is not repeated.
        let cause_text = cause.to_string();
        if !told.contains(&cause_text) {
            let _ = write!(text, "\n{}", Label::Cause.before(cause_text.trim_end()));
            told.push_str(&cause_text);
        }
        source = cause.source();
    }
    if let Some(hint) = remedy(error) {
        let _ = write!(text, "\n{}", Label::Hint.before(&hint));
    }
    text
}

/// The line of the file, with a caret under the location.
fn pointed_at(excerpt: &Excerpt) -> String {
    let Excerpt {
        line,
        before,
        after,
    } = excerpt;
    let [before, after] = [before, after].map(|part| clean(&part.replace('\t', " ")));
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let under = " ".repeat(console::measure_text_width(&before));
    format!(
        "\n {margin} {PLACE}|{PLACE:#}\n {PLACE}{number} |{PLACE:#} {before}{after}\n \
         {margin} {PLACE}|{PLACE:#} {under}{CARET}^{CARET:#}"
    )
}
