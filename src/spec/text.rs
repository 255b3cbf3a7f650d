//! Instructions, negative prompts and scheduler names.

use std::collections::HashSet;
use std::hash::Hash;

use super::error::SpecProblem;
use super::fault::{Checked, quoted};
use super::raw::Field;
use crate::vocabulary::SchedulerKind;

/// Longest text in bytes; tokenizers keep a few hundred of them.
pub(super) const MAX_TEXT_BYTES: usize = 10_000;

/// One value or a list, read item by item, without duplicates. `show` is how messages call a value.
pub(super) fn distinct<'t, T: Clone + Eq + Hash>(
    field: Field<'t>,
    read: impl Fn(Field<'t>) -> Checked<T>,
    show: impl Fn(&T) -> String,
) -> Checked<Vec<T>> {
    let mut seen = HashSet::new();
    let mut values = Vec::new();
    for item in field.items()? {
        let value = read(item)?;
        if !seen.insert(value.clone()) {
            let problem = SpecProblem::Duplicate {
                key: field.key.to_string(),
                value: show(&value),
            };
            return Err(problem.at(item.at));
        }
        values.push(value);
    }
    Ok(values)
}

/// All prompts of a key.
pub(super) fn prompts(field: Field<'_>) -> Checked<Vec<String>> {
    distinct(field, prompt, |value| quoted(value))
}

/// One prompt: a line of text, possibly empty.
pub(super) fn prompt(field: Field<'_>) -> Checked<String> {
    let text = field.text()?;
    if text.len() > MAX_TEXT_BYTES {
        let problem = SpecProblem::TooLong {
            key: field.key.to_string(),
            bytes: text.len(),
            max: MAX_TEXT_BYTES,
        };
        return Err(problem.at(field.at));
    }
    if let Some(character) = text.chars().find(|c| c.is_control()) {
        let problem = SpecProblem::ControlCharacter {
            key: field.key.to_string(),
            character: character.escape_default().to_string(),
        };
        return Err(problem.at(field.at));
    }
    Ok(text.to_owned())
}

/// All schedulers of a key.
pub(super) fn schedulers(field: Field<'_>) -> Checked<Vec<SchedulerKind>> {
    distinct(field, scheduler, |kind| kind.to_string())
}

/// One scheduler.
pub(super) fn scheduler(field: Field<'_>) -> Checked<SchedulerKind> {
    let text = field.text()?;
    SchedulerKind::from_name(text).ok_or_else(|| {
        field.unknown_name(
            "scheduler",
            text,
            &SchedulerKind::ALL.map(SchedulerKind::name),
        )
    })
}
