//! `--json`: docs/events.md is written from the schema of the events, and what commands print keeps to it.
//!
//! `IP2P_WRITE_DOCS=1 cargo test --test commands events` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::fixture::{Place, sweep};

const HEAD: &str = "# Following ip2p from a program

Written from the schema (`ip2p schema --events`) by a test; do not edit it here.

With `--json` every command but `jobs`, `schema`, `completions`, `table` and `review` prints one JSON object a line on
standard output, and nothing else there. Each has its kind under `event` and the version of the schema under `version`: a key that is
taken away or comes to mean something else makes another version, a new key or a new kind does not. Keys that are unknown are
to be passed over; those that have nothing to say are `null`. Errors are events and stand on standard error in words as well;
the exit codes are those of every command (`ip2p COMMAND --help`).

The journal of a run folder has the same cells, and is what is believed: a program that starts later reads
`journal.jsonl` first.
";

fn schema() -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ip2p"));
    let printed = command.args(["schema", "--events"]).output().unwrap();
    serde_json::from_slice(&printed.stdout).unwrap()
}

#[test]
fn the_page_of_the_events_is_what_the_schema_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events.md");
    let text = page(&schema());
    if std::env::var_os("IP2P_WRITE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == text,
        "run this test with IP2P_WRITE_DOCS=1, and commit docs/events.md"
    );
}

#[test]
fn what_every_command_prints_keeps_to_the_schema() {
    let place = Place::new();
    let schema = schema();
    let mut kinds = BTreeSet::new();
    let mut tell = |arguments: &[&str], code: i32| -> Vec<Value> {
        let output = place.ip2p(arguments).arg("--json").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let events: Vec<Value> = lines.collect();
        assert!(!events.is_empty(), "{arguments:?}");
        for event in &events {
            assert_eq!(event["version"], 1, "{event}");
            kinds.insert(event["event"].as_str().unwrap().to_owned());
            check(&schema, event);
        }
        events
    };
    fs::write(place.path("s.toml"), sweep("seed = [1, 2]")).unwrap();
    fs::write(place.path("bad.toml"), sweep("guidence_scale = 7")).unwrap();
    tell(&["plan", "s.toml", "--shards", "2"], 0);
    let ran = tell(&["run", "s.toml"], 0);
    let end = ran.last().unwrap();
    assert_eq!((&end["event"], &end["done"]), (&"end".into(), &2.into()));
    assert!(
        end["files"]
            .as_array()
            .unwrap()
            .iter()
            .any(|file| file["what"] == "report")
    );
    let problem = &tell(&["run", "bad.toml"], 2)[0];
    assert_eq!(problem["hint"], "did you mean guidance_scale?");
    assert_eq!(
        (&problem["line"], &problem["column"]),
        (&6.into(), &1.into())
    );
    let checked = tell(&["check", "s.toml"], 11);
    let verdict = checked
        .iter()
        .find(|event| event["event"] == "verdict")
        .unwrap();
    assert_eq!(
        (&verdict["verdict"], &verdict["passes"]),
        (&"new".into(), &false.into())
    );
    tell(&["accept", "results/s", "--yes"], 0);
    let checked = tell(&["check", "s.toml"], 0);
    let checked = checked
        .iter()
        .find(|event| event["event"] == "checked")
        .unwrap();
    assert_eq!(checked["counts"]["same"], 2);
    tell(&["sheet", "results/s"], 0);
    let rows = ["sheet", "results/s", "--rows", "scheduler"];
    assert_eq!(tell(&rows, 0)[1]["event"], "note");
    tell(&["report", "results/s"], 0);
    tell(&["merge", "results/s"], 0);
    fs::write(place.path("t.toml"), sweep("seed = [2, 3]")).unwrap();
    tell(&["run", "t.toml"], 0);
    tell(&["compare", "results/s", "results/t"], 0);
    tell(&["doctor", "model"], 0);
    tell(&["init", "in.png", "make it winter", "--model", "model"], 0);
    tell(
        &[
            "bench",
            "model",
            "--size",
            "64",
            "--seconds",
            "0.01",
            "--rows",
            "1",
        ],
        0,
    );
    let never_here = ["stage", "measured", "exported", "setup"];
    let all = schema["oneOf"].as_array().unwrap().iter();
    let all = all.map(|kind| {
        kind["properties"]["event"]["const"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    let untold: Vec<String> = all
        .filter(|kind| !kinds.contains(kind) && !never_here.contains(&kind.as_str()))
        .collect();
    assert!(untold.is_empty(), "{untold:?}");
}

/// The definition that a `$ref` names, or the value itself.
fn resolved<'a>(schema: &'a Value, value: &'a Value) -> &'a Value {
    let name = value["$ref"].as_str();
    match name.and_then(|path| path.strip_prefix("#/$defs/")) {
        Some(name) => &schema["$defs"][name],
        None => value,
    }
}

/// The properties of a kind of event: its own, and those of the type that it refers to.
fn properties<'a>(schema: &'a Value, kind: &'a Value) -> Vec<(&'a String, &'a Value)> {
    let own = kind["properties"].as_object().into_iter().flatten();
    let inner = resolved(schema, kind);
    let inner = inner["properties"].as_object().into_iter().flatten();
    let is_own = kind.get("$ref").is_some();
    own.chain(inner.filter(move |_| is_own)).collect()
}

fn check(schema: &Value, event: &Value) {
    let kinds = schema["oneOf"].as_array().unwrap();
    let kind = kinds
        .iter()
        .find(|kind| kind["properties"]["event"]["const"] == event["event"]);
    let kind = kind.unwrap_or_else(|| panic!("no such kind: {event}"));
    let properties = properties(schema, kind);
    for (key, value) in event.as_object().unwrap() {
        let known = properties.iter().find(|(name, _)| *name == key);
        let (_, wanted) = known.unwrap_or_else(|| panic!("{key} is not in the schema: {event}"));
        assert!(
            fits(schema, wanted, value),
            "{key} of {event} is no {wanted}"
        );
    }
    for (key, _) in properties {
        assert!(event.get(key).is_some(), "{key} is missing from {event}");
    }
}

fn fits(schema: &Value, wanted: &Value, value: &Value) -> bool {
    let wanted = resolved(schema, wanted);
    if let Some(constant) = wanted.get("const") {
        return constant == value;
    }
    if let Some(choices) = wanted["enum"].as_array() {
        return choices.contains(value);
    }
    if let Some(forms) = wanted["anyOf"]
        .as_array()
        .or_else(|| wanted["oneOf"].as_array())
    {
        return forms.iter().any(|form| fits(schema, form, value));
    }
    let types = match &wanted["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    types
        .iter()
        .any(|kind| match kind.as_str().unwrap_or_default() {
            "string" => value.is_string(),
            "integer" => value.is_u64() || value.is_i64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            "array" => {
                let items = value.as_array();
                items.is_some_and(|items| {
                    items.iter().all(|item| match wanted.get("items") {
                        Some(form) => fits(schema, form, item),
                        None => true,
                    })
                })
            }
            "object" => value.as_object().is_some_and(|map| {
                map.iter()
                    .all(|(key, item)| match &wanted["properties"][key] {
                        Value::Null => fits(schema, &wanted["additionalProperties"], item),
                        form => fits(schema, form, item),
                    })
            }),
            _ => false,
        })
}

fn page(schema: &Value) -> String {
    let mut text = HEAD.to_owned();
    for kind in schema["oneOf"].as_array().unwrap() {
        let name = kind["properties"]["event"]["const"].as_str().unwrap();
        write!(text, "\n## `{name}`\n\n{}\n\n", said(kind)).unwrap();
        let keys: Vec<_> = properties(schema, kind)
            .into_iter()
            .filter(|(key, _)| !["event", "version"].contains(&key.as_str()))
            .collect();
        table(&mut text, schema, keys.into_iter());
    }
    text.push_str("\n# Objects within events\n");
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        let kinds = schema["oneOf"].as_array().unwrap().iter();
        let is_event = kinds
            .filter_map(|kind| kind["$ref"].as_str())
            .any(|path| path == format!("#/$defs/{name}"));
        let Some(keys) = definition["properties"].as_object().filter(|_| !is_event) else {
            continue;
        };
        write!(text, "\n## {name}\n\n{}\n\n", said(definition)).unwrap();
        table(&mut text, schema, keys.iter());
    }
    text
}

fn table<'a>(
    text: &mut String,
    schema: &Value,
    keys: impl Iterator<Item = (&'a String, &'a Value)>,
) {
    text.push_str("| key | type | |\n|---|---|---|\n");
    for (key, value) in keys {
        writeln!(
            text,
            "| `{key}` | {} | {} |",
            kind_of(schema, value),
            said(value)
        )
        .unwrap();
    }
}

fn said(value: &Value) -> String {
    value["description"]
        .as_str()
        .unwrap_or_default()
        .replace('\n', " ")
        .replace('|', "\\|")
}

fn kind_of(schema: &Value, value: &Value) -> String {
    if let Some(name) = value["$ref"]
        .as_str()
        .and_then(|path| path.strip_prefix("#/$defs/"))
    {
        let definition = &schema["$defs"][name];
        return match definition.get("properties") {
            Some(_) => name.to_owned(),
            None => kind_of(schema, definition),
        };
    }
    if let Some(choices) = value["enum"].as_array() {
        let choices: Vec<String> = choices
            .iter()
            .map(|choice| format!("`{}`", choice.as_str().unwrap_or_default()))
            .collect();
        return choices.join(", ");
    }
    if let Some(forms) = value["anyOf"]
        .as_array()
        .or_else(|| value["oneOf"].as_array())
    {
        let forms: Vec<String> = forms.iter().map(|form| kind_of(schema, form)).collect();
        return forms.join(" or ");
    }
    let word = |kind: &Value| match kind.as_str().unwrap_or_default() {
        "array" => format!("list of {}", kind_of(schema, &value["items"])),
        "object" => format!("map to {}", kind_of(schema, &value["additionalProperties"])),
        "string" => "text".to_owned(),
        "boolean" => "`true`, `false`".to_owned(),
        other => other.to_owned(),
    };
    match &value["type"] {
        Value::Array(kinds) => kinds.iter().map(word).collect::<Vec<_>>().join(" or "),
        kind => word(kind),
    }
}
