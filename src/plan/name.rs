//! The readable part of a cell's key.

use super::Axis;
use crate::vocabulary::{Abbreviation, Parameter, Parameters};

/// Longest prefix: file names end at 255 bytes, and chains add up.
const LONGEST: usize = 160;

/// The varying values in short: `house-winter-g7.0-i1.5-s42`. Those of the cell that it works on, if any, stand in the
/// place of the image.
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
    // Of plain letters only: it can be cut anywhere.
    parts.join("-").chars().take(LONGEST).collect()
}

/// The last part of a path without its extension; of the table of a mask what tells it from others.
pub(super) fn stem(path: &str) -> &str {
    if let Some(table) = path.strip_prefix("{ ") {
        let table = table.strip_prefix("file = ").unwrap_or(table);
        return table.rsplit('/').next().unwrap_or(table);
    }
    let file = path.rsplit('/').next().unwrap_or(path);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// Lower-case ASCII letters and digits joined by `_`, at most 24 of them.
pub(super) fn slug(text: &str) -> String {
    let words: Vec<String> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("_").chars().take(24).collect()
}
