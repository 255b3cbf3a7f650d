//! The readable part of a cell's key.

use super::Axis;
use crate::vocabulary::{Abbreviation, Parameter, Parameters};

/// The longest prefix: file names are limited to 255 bytes, and prefixes grow along a chain.
const LONGEST: usize = 160;

/// The varying values in short form: `house-winter-g7.0-i1.5-s42`. If the cell works on another cell's image, that
/// cell's prefix stands in the place of the image.
pub(super) fn prefix(axes: &[Axis], parameters: &Parameters, inherited: Option<&str>) -> String {
    let parts: Vec<String> = axes
        .iter()
        .map(|axis| {
            let value = parameters.text(axis.parameter);
            if let (Parameter::Image, Some(inherited)) = (axis.parameter, inherited) {
                return inherited.to_owned();
            }
            match axis.parameter.definition().abbreviation {
                Abbreviation::Letters(letters) => format!("{letters}{value}"),
                Abbreviation::Words => slug(&value),
                Abbreviation::FileName => slug(stem(&value)),
            }
        })
        .filter(|part| !part.is_empty())
        .collect();
    // All characters are ASCII, so it can be cut anywhere.
    parts.join("-").chars().take(LONGEST).collect()
}

/// The last part of a path without its extension; for a mask's table, what tells it from others.
pub(super) fn stem(path: &str) -> &str {
    if let Some(table) = path.strip_prefix("{ ") {
        let table = table.strip_prefix("file = ").unwrap_or(table);
        return table.rsplit('/').next().unwrap_or(table);
    }
    let file = path.rsplit('/').next().unwrap_or(path);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// Lower-case ASCII letters and digits joined by `_`, at most 24 characters.
pub(super) fn slug(text: &str) -> String {
    let words: Vec<String> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("_").chars().take(24).collect()
}
