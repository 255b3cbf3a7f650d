//! Guesses what was meant by a file that is not TOML, or a text that is not a number.

use crate::lfs;

/// What a file is if it is something other than a sweep file, and the remedy.
pub(super) fn of_file(text: &str) -> Option<&'static str> {
    let is_json = text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with('{');
    if is_json {
        return Some("this looks like JSON; a sweep file is TOML, with lines of key = value");
    }
    lfs::is_pointer(text.as_bytes())
        .then_some("this is a Git LFS pointer, not the file itself: run `git lfs pull`")
}

/// The remedy for a syntax error at a byte of a file.
pub(super) fn hint(text: &str, at: Option<usize>, message: &str) -> String {
    if let Some(hint) = of_file(text) {
        return hint.to_owned();
    }
    if message.contains("duplicate key") {
        return "each key once; several values are a list in brackets, e.g. seed = [1, 2]"
            .to_owned();
    }
    let line = line_at(text, at.unwrap_or_default());
    of_line(line).unwrap_or_else(|| {
        "text stands in \"quotes\", lists in [brackets], each key once; see https://toml.io"
            .to_owned()
    })
}

/// The line that a byte is on.
fn line_at(text: &str, at: usize) -> &str {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        if at < end || end == text.len() {
            return line.trim();
        }
        start = end;
    }
    ""
}

/// What is wrong with a line, checked in the order in which mistakes hide one another.
fn of_line(line: &str) -> Option<String> {
    if line.starts_with("//") {
        return Some("comments begin with #".to_owned());
    }
    if line.contains(['“', '”', '„', '‟', '‘', '’', '‚', '«', '»']) {
        return Some("TOML does not know curly quotes: write \"text\" or 'text'".to_owned());
    }
    if line.contains('\\') {
        return Some(
            "in \"double quotes\" a backslash begins an escape: write / or 'single quotes'"
                .to_owned(),
        );
    }
    let Some((key, value)) = line.split_once('=') else {
        let (key, value) = line.split_once(':')?;
        let is_key = key
            .trim_matches('"')
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_');
        return is_key.then(|| format!("write {} = {}", key.trim_matches('"'), value.trim()));
    };
    of_value(
        key.trim(),
        value.split(" #").next().unwrap_or_default().trim(),
    )
}

/// What is wrong with an unquoted value.
fn of_value(key: &str, value: &str) -> Option<String> {
    if value.is_empty() {
        return Some(format!("a value stands behind the =, e.g. {key} = 1"));
    }
    if value.starts_with(['"', '\'', '{']) {
        return None;
    }
    if let Some(range) = range(value) {
        return Some(format!("write the range as {key} = {range}"));
    }
    if let Some(better) = numbers(value) {
        return Some(better);
    }
    match value.to_lowercase().as_str() {
        "true" | "false" => return Some(format!("write {} in lower case", value.to_lowercase())),
        "none" | "null" | "nil" => {
            return Some(format!("to leave {key} at its default, leave the line out"));
        }
        _ => {}
    }
    let is_text =
        value.starts_with(|c: char| c.is_alphabetic() || matches!(c, '~' | '/' | '.' | '_'));
    is_text.then(|| {
        format!(
            "text stands in quotes: {key} = {}",
            toml::Value::from(value)
        )
    })
}

/// What is wrong with numbers: decimal points without digits on both sides, decimal commas, lists without brackets.
fn numbers(value: &str) -> Option<String> {
    let inside = value.trim_start_matches('[').trim_end_matches(']');
    let parts: Vec<&str> = inside.split(',').map(str::trim).collect();
    let number = |text: &str| !text.is_empty() && text.parse::<f64>().is_ok();
    if !parts.iter().all(|part| number(part)) {
        return None;
    }
    let bare =
        |part: &&&str| part.trim_start_matches(['+', '-']).starts_with('.') || part.ends_with('.');
    if let Some(part) = parts.iter().find(bare) {
        let better = part.parse::<f64>().ok()?;
        return Some(format!(
            "digits stand on both sides of the point: {better:?}"
        ));
    }
    match parts.as_slice() {
        _ if value.starts_with('[') => None,
        [whole, decimals] if decimals.bytes().all(|byte| byte.is_ascii_digit()) => Some(format!(
            "decimals have a point, {whole}.{decimals}; a list stands in brackets, [{whole}, {decimals}]"
        )),
        [_, _, ..] => Some(format!("a list stands in brackets: [{}]", parts.join(", "))),
        _ => None,
    }
}

/// A range in another tool's notation (`1-10`, `1-10(+2)`, `1-10 [5]`, `1..10`, `1:10:2`), rewritten in ours.
pub(super) fn range(text: &str) -> Option<String> {
    let number = |text: &str| {
        let text = text.trim();
        let plain = !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
        (plain && text.parse::<f64>().is_ok()).then(|| text.to_owned())
    };
    let (from, rest) = ["..=", "..", "-", ":"]
        .iter()
        .find_map(|between| text.split_once(between))?;
    let from = number(from)?;
    let end = rest.find(['(', '[', ':']).unwrap_or(rest.len());
    let (to, how) = rest.split_at(end);
    let to = number(to)?;
    let how = how.trim().trim_matches(['(', ')', '[', ']', ':']).trim();
    let is_count = rest.contains('[');
    Some(match (how.trim_start_matches('+'), is_count) {
        ("", _) => format!("{{ from = {from}, to = {to}, step = 1 }}"),
        (count, true) => format!("{{ from = {from}, to = {to}, count = {} }}", number(count)?),
        (step, false) => format!("{{ from = {from}, to = {to}, step = {} }}", number(step)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_other_tools_are_written_as_this_one_reads_them() {
        let from_1_to_10 = |how: &str| Some(format!("{{ from = 1, to = 10, {how} }}"));
        assert_eq!(range("1-10"), from_1_to_10("step = 1"));
        assert_eq!(range("1-10(+2)"), from_1_to_10("step = 2"));
        assert_eq!(range("1-10 (+2.5)"), from_1_to_10("step = 2.5"));
        assert_eq!(range("1-10 [5]"), from_1_to_10("count = 5"));
        assert_eq!(range("1..10"), from_1_to_10("step = 1"));
        assert_eq!(range("1:10:3"), from_1_to_10("step = 3"));
        for none in ["", "-", "1-", "a-b", "2026-01-01", "photo-1.jpg", "7.5"] {
            assert_eq!(range(none), None, "{none}");
        }
    }
}
