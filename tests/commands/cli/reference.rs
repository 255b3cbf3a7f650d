//! docs/sweep-file.md: every key of the sweep file, generated from the schema, which the parser's own tests keep in
//! step.
//!
//! `IP2P_WRITE_DOCS=1 cargo test --test commands reference` regenerates it.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use ip2p_sweep::spec::schema;
use serde_json::{Map, Value};

const HEAD: &str = "# The sweep file

Written from the schema (`ip2p schema`) by a test; do not edit it here. Paths are relative to the sweep file. In `[sweep]`
each key takes one value or a list, numbers also a range: `{ from = 3.0, to = 9.0, step = 1.5 }` or `count` in place of
`step`; more than one value makes an axis.
";

#[test]
fn the_reference_of_every_key_is_what_the_schema_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sweep-file.md");
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let text = reference(&schema);
    if std::env::var_os("IP2P_WRITE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == text,
        "run this test with IP2P_WRITE_DOCS=1, and commit docs/sweep-file.md"
    );
}

fn reference(schema: &Value) -> String {
    let keys = schema["properties"].as_object().unwrap();
    let mut text = HEAD.to_owned();
    text.push_str("\n## At the top\n\n");
    let plain = keys.iter().filter(|(_, key)| table_of(key).is_none());
    rows(&mut text, schema, plain);
    tables(&mut text, schema, "", keys);
    text
}

/// The tables among some keys, each followed by the tables nested in it.
fn tables(text: &mut String, schema: &Value, path: &str, keys: &Map<String, Value>) {
    for (name, key) in keys {
        let Some((table, repeats)) = table_of(key) else {
            continue;
        };
        let path = format!("{path}{name}");
        let heading = if repeats {
            format!("[[{path}]]")
        } else {
            format!("[{path}]")
        };
        write!(text, "\n## `{heading}`\n\n{}\n\n", description(key)).unwrap();
        let inner = table["properties"].as_object().unwrap();
        let plain = inner.iter().filter(|(_, key)| table_of(key).is_none());
        rows(text, schema, plain);
        tables(text, schema, &format!("{path}."), inner);
    }
}

/// The description of a table's keys, and whether the table may be repeated.
fn table_of(key: &Value) -> Option<(&Value, bool)> {
    let (inner, repeats) = match key.get("items") {
        Some(items) => (items, true),
        None => (key, false),
    };
    inner.get("properties").map(|_| (inner, repeats))
}

fn rows<'a>(
    text: &mut String,
    schema: &Value,
    keys: impl Iterator<Item = (&'a String, &'a Value)>,
) {
    text.push_str("| key | values | |\n|---|---|---|\n");
    for (name, key) in keys {
        let values = escaped(&values(schema, key));
        let default = key
            .get("default")
            .map(|value| format!(" Default: {value}."));
        let said = escaped(&(description(key) + &default.unwrap_or_default()));
        writeln!(text, "| `{name}` | {values} | {said} |").unwrap();
    }
}

fn description(key: &Value) -> String {
    key["description"].as_str().unwrap_or_default().to_owned()
}

/// A bar would end a table cell.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

/// What a key takes, in short: the first of its forms, because lists and ranges are explained at the top.
fn values(schema: &Value, key: &Value) -> String {
    if let Some(name) = key["$ref"]
        .as_str()
        .and_then(|path| path.strip_prefix("#/$defs/"))
    {
        return values(schema, &schema["$defs"][name]);
    }
    if let Some(choices) = key["enum"].as_array() {
        let choices: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
        return choices.join(", ");
    }
    if let Some(constant) = key.get("const") {
        return format!("`{constant}`");
    }
    let forms = key["oneOf"].as_array().or_else(|| key["anyOf"].as_array());
    if let Some(forms) = forms {
        let single = forms
            .iter()
            .filter(|form| form["type"] != "array" && form["type"] != "object");
        let single: Vec<String> = single
            .map(|form| values(schema, form))
            .filter(|form| !form.is_empty())
            .collect();
        return single.join(", ");
    }
    let bounds = match (key.get("minimum"), key.get("maximum")) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(" from {least}"),
        (None, Some(most)) => format!(" up to {most}"),
        (None, None) => String::new(),
    };
    match key["type"].as_str() {
        Some("string") => "text".to_owned(),
        Some("integer") => format!("whole number{bounds}"),
        Some("number") => format!("number{bounds}"),
        Some("boolean") => "`true`, `false`".to_owned(),
        Some("array") => "list".to_owned(),
        Some("object") => "table".to_owned(),
        _ => String::new(),
    }
}
