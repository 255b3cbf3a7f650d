//! Collects the problems found while a file is checked, and formats locations and values for messages.

use std::path::Path;

use super::error::{Excerpt, SpecError, SpecProblem};

/// A problem and the byte at which it is.
#[derive(Debug)]
pub(super) struct Fault {
    pub problem: Box<SpecProblem>,
    pub at: Option<usize>,
}

impl Fault {
    /// Turns it into an error, given the file's text and path.
    pub(super) fn into_error(self, text: &str, path: &Path) -> SpecError {
        let position = self.at.map(|byte| line_and_column(text, byte));
        let excerpt = self.at.map(|byte| excerpt(text, byte));
        SpecError::new(*self.problem, path, position).with_excerpt(excerpt)
    }
}

/// A valid value, or the fault found instead.
pub(super) type Checked<T> = Result<T, Fault>;

impl SpecProblem {
    /// This problem at a byte of the sweep file.
    pub(super) fn at(self, byte: usize) -> Fault {
        Fault {
            problem: Box::new(self),
            at: Some(byte),
        }
    }

    /// This problem, without a location.
    pub(super) fn anywhere(self) -> Fault {
        Fault {
            problem: Box::new(self),
            at: None,
        }
    }
}

/// Collects the faults of a file, so that all are reported at once.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// More faults than this are not worth reading.
    const MAX: usize = 20;

    /// Returns the value; if there is a fault instead, keeps it and returns `None`.
    pub fn take<T>(&mut self, checked: Checked<T>) -> Option<T> {
        checked.map_err(|fault| self.push(fault)).ok()
    }

    /// Adds a fault.
    pub fn push(&mut self, fault: Fault) {
        if !self.full() {
            self.0.push(fault);
        }
    }

    /// Whether there are so many faults that checking further is pointless.
    pub fn full(&self) -> bool {
        self.0.len() >= Self::MAX
    }

    /// Whether there are no faults so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All faults as one error, in the order of the file; `None` if there are none.
    pub fn into_error(mut self, text: &str, path: &Path) -> Option<SpecError> {
        self.0.sort_by_key(|fault| fault.at);
        let mut errors = (self.0.into_iter()).map(|fault| fault.into_error(text, path));
        let first = errors.next()?;
        Some(first.with_others(errors.collect()))
    }
}

/// Line and column of a byte, both from 1. The column counts characters, without a byte order mark.
pub(super) fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..byte.min(text.len())];
    let line_start = before
        .iter()
        .rposition(|&b| b == b'\n')
        .map_or(0, |newline| newline + 1);
    let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
    let column = String::from_utf8_lossy(&before[line_start..])
        .trim_start_matches('\u{feff}')
        .chars()
        .count()
        + 1;
    (line, column)
}

/// How many characters of a line are shown on either side of a problem.
const SHOWN: usize = 60;

/// The line with this byte, split there.
fn excerpt(text: &str, byte: usize) -> Excerpt {
    let byte = text.floor_char_boundary(byte);
    let (before, after) = text.split_at(byte);
    let before = before.rsplit('\n').next().unwrap_or_default();
    let before = before.trim_start_matches('\u{feff}');
    let after = after.lines().next().unwrap_or_default();
    let left_out = before.chars().count().saturating_sub(SHOWN);
    let mut shown: String = before.chars().skip(left_out).collect();
    if left_out > 0 {
        shown.insert(0, '…');
    }
    let mut rest: String = after.chars().take(SHOWN).collect();
    if after.chars().nth(SHOWN).is_some() {
        rest.push('…');
    }
    Excerpt {
        line: line_and_column(text, byte).0,
        before: shown,
        after: rest,
    }
}

/// A value as messages show it: in quotes, control characters escaped, shortened if long.
pub(super) fn quoted(value: &str) -> String {
    const MAX: usize = 60;
    let mut shown: String = value.chars().take(MAX).flat_map(escaped).collect();
    if value.chars().nth(MAX).is_some() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

/// The character, or its escape sequence if a terminal would not show it.
fn escaped(character: char) -> impl Iterator<Item = char> {
    let control = character.is_control();
    let escape = control.then(|| character.escape_default());
    escape
        .into_iter()
        .flatten()
        .chain((!control).then_some(character))
}
