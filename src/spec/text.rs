//! Instructions, negative prompts and captions: single-line texts.

use super::error::SpecProblem;
use super::fault::Checked;
use super::raw::Field;

/// The longest text in bytes; tokenizers keep only a few hundred of them.
pub(super) const MAX_TEXT_BYTES: usize = 10_000;

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
