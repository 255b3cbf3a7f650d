//! The JSON Schema with which editors complete and check sweep files, generated from the definitions.

use serde_json::{Map, Value as Json, json};

use super::definitions::{CAPTION_INSTRUCTION, Form, SIDE, Setting};
use super::keys::{Entry, Table};
use super::number::{MAX_VALUES, exceeds_toml};
use super::text::MAX_TEXT_BYTES;
use super::{CheckSpec, masks, valid};
use crate::vocabulary::{Domain, Parameter, SchedulerKind, Unset, Value};

/// The schema (draft 2020-12) as JSON text.
pub fn schema() -> String {
    let mut root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ip2p sweep",
        "description": "A parameter sweep of InstructPix2Pix.",
    });
    extend(&mut root, table(Table::Root));
    extend(
        &mut root,
        json!({
            "$defs": definitions(),
            "anyOf": [{ "required": ["model", "sweep"] }, { "required": ["preset"] }],
        }),
    );
    let mut text = format!("{root:#}");
    text.push('\n');
    text
}

/// The schema's `$defs`: a value of each parameter, and what several keys share.
fn definitions() -> Json {
    let mut definitions = Map::new();
    for parameter in Parameter::DEFINED {
        definitions.insert(
            parameter.key().to_owned(),
            one_of(parameter.definition().domain),
        );
    }
    definitions.insert(
        "prompt".to_owned(),
        json!({
            "type": "string",
            "maxLength": MAX_TEXT_BYTES,
            "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
        }),
    );
    let keys = Parameter::ALL.map(Parameter::key);
    definitions.insert("axis".to_owned(), json!({ "enum": keys }));
    Json::Object(definitions)
}

fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// A single value of a domain.
fn one_of(domain: Domain) -> Json {
    match domain {
        Domain::Folder | Domain::File | Domain::Preset => json!({ "type": "string" }),
        Domain::Mask => mask(),
        Domain::Text => reference("prompt"),
        Domain::Decimal { min, max } => json!({ "type": "number", "minimum": min, "maximum": max }),
        Domain::Whole { min, max } => {
            let number = json!({ "type": "integer", "minimum": min, "maximum": max });
            if exceeds_toml(max) {
                json!({ "oneOf": [number, { "type": "string", "pattern": "^[0-9]+$" }] })
            } else {
                number
            }
        }
        Domain::Scheduler => json!({ "enum": SchedulerKind::ALL.map(SchedulerKind::name) }),
    }
}

/// A mask: a path, or a table with one source and adjustments.
fn mask() -> Json {
    let from_table = |help: &str, source: Json, required: &str| {
        let mut properties = json!({
            "invert": { "description": "Whether white is kept instead of repainted.", "type": "boolean", "default": false },
            "grow": {
                "description": "Number of pixels by which the white part grows on all sides.",
                "type": "integer", "minimum": 0, "maximum": masks::MOST_GROWTH, "default": 0,
            },
            "blur": {
                "description": "Radius of the blur in pixels.",
                "type": "number", "minimum": 0, "maximum": masks::MOST_BLUR, "default": 0,
            },
        });
        extend(&mut properties, source);
        json!({
            "description": help,
            "type": "object",
            "properties": properties,
            "required": [required],
            "additionalProperties": false,
        })
    };
    let file =
        json!({ "file": { "description": "A path, relative to this file.", "type": "string" } });
    let alpha = json!({ "alpha": { "description": "Always true.", "const": true } });
    let changed = json!({
        "changed": { "description": "Name of an earlier stage.", "type": "string" },
        "above": {
            "description": "How much a pixel must have changed, as a share of full scale.",
            "type": "number", "minimum": 0, "maximum": 1, "default": 0.1,
        },
    });
    json!({ "oneOf": [
        { "type": "string" },
        from_table("A file, and adjustments to it.", file, "file"),
        from_table("The transparent part of the image.", alpha, "alpha"),
        from_table("The part that an earlier stage changed.", changed, "changed"),
    ] })
}

/// A table: its keys and the rules between them.
fn table(table: Table) -> Json {
    let mut properties = Map::new();
    for entry in table.entries() {
        for name in [entry.name()]
            .into_iter()
            .chain(entry.aliases().iter().copied())
        {
            properties.insert(name.to_owned(), property(table, entry));
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    extend(&mut schema, rules(table));
    let others = match table.takes_stages() {
        true => of_stages(table),
        false => json!(false),
    };
    extend(&mut schema, json!({ "additionalProperties": others }));
    schema
}

/// The keys of a named stage of a chain.
fn of_stages(table: Table) -> Json {
    let mut properties = Map::new();
    for parameter in table.parameters() {
        let definition = parameter.definition();
        for name in [definition.key].iter().chain(definition.aliases) {
            properties.insert((*name).to_owned(), reference(definition.key));
        }
    }
    json!({
        "description": "Keys of the stage of a chain that has this name.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// The rules between the keys of a table.
fn rules(table: Table) -> Json {
    match table {
        Table::Preset => json!({ "required": ["name"], "minProperties": 2 }),
        Table::Exclude => json!({ "minProperties": 1 }),
        Table::Caption => {
            let names = [CAPTION_INSTRUCTION.key].into_iter();
            let names = names.chain(Entry::from(&CAPTION_INSTRUCTION).aliases().iter().copied());
            let one_of_them: Vec<Json> = names.map(|name| json!({ "required": [name] })).collect();
            json!({ "required": ["before", "after"], "oneOf": one_of_them })
        }
        Table::Size => json!({
            "if": { "properties": { "fit": { "const": "exact" } }, "required": ["fit"] },
            "then": { "required": ["width", "height"], "not": { "required": ["resolution"] } },
            "else": { "not": { "anyOf": [{ "required": ["width"] }, { "required": ["height"] }] } },
        }),
        Table::Root | Table::Sweep | Table::Then | Table::Runtime | Table::Numerics => json!({}),
        Table::Measures | Table::Sheet | Table::Check => json!({}),
        Table::Ignore => json!({ "oneOf": [{ "required": ["box"] }, { "required": ["mask"] }] }),
        Table::Tolerance => json!({ "required": ["instruction"], "minProperties": 2 }),
    }
}

/// The schema of what stands under a key.
fn property(place: Table, entry: Entry) -> Json {
    let (help, value) = match entry {
        Entry::Table(inner) => {
            let own = table(inner);
            let schema = match inner.item_help() {
                Some(help) => {
                    let item = described(help, own);
                    json!({ "type": "array", "items": item })
                }
                None => own,
            };
            (inner.help().to_owned(), schema)
        }
        Entry::Setting(setting) => (setting.help.to_owned(), form(setting)),
        Entry::Parameter(parameter) => (help(place, parameter), values(place, parameter)),
    };
    described(&help, value)
}

fn described(help: &str, value: Json) -> Json {
    let mut schema = json!({ "description": help });
    extend(&mut schema, value);
    schema
}

/// What a parameter does, and what it means to leave it out.
fn help(place: Table, parameter: Parameter) -> String {
    let definition = parameter.definition();
    match place {
        Table::Preset => format!("{} Default: that of [sweep].", definition.help_of_one),
        Table::Exclude => format!("{} If left out, any value matches.", definition.help_of_one),
        Table::Root
        | Table::Sweep
        | Table::Then
        | Table::Caption
        | Table::Size
        | Table::Runtime
        | Table::Numerics
        | Table::Measures
        | Table::Sheet
        | Table::Check
        | Table::Ignore
        | Table::Tolerance => match &definition.unset {
            Unset::Default(Value::Text(text)) if text.is_empty() => {
                format!("{} Default: empty.", definition.help)
            }
            Unset::Default(value) => format!("{} Default: {value}.", definition.help),
            Unset::OfTheModel => format!("{} Default: the model's own.", definition.help),
            Unset::Required(_) | Unset::Nothing => definition.help.to_owned(),
        },
    }
}

/// The values of a parameter: a single one in presets and exclusions, elsewhere also a list or a range.
fn values(place: Table, parameter: Parameter) -> Json {
    let one = reference(parameter.key());
    if place.repeats() && place != Table::Then {
        return one;
    }
    let list = json!({ "type": "array", "items": one, "minItems": 1, "uniqueItems": true });
    let mut forms = vec![one, list];
    if place == Table::Then && parameter == Parameter::Seed {
        forms.push(described(
            "The seed of the cell whose image it works on.",
            json!({ "const": "same" }),
        ));
    }
    forms.extend(ranges(parameter));
    json!({ "oneOf": forms })
}

/// The ranges of a numeric parameter.
fn ranges(parameter: Parameter) -> Vec<Json> {
    let (kind, forms): (_, &[&[&str]]) = match parameter.definition().domain {
        Domain::Decimal { .. } => (
            "number",
            &[&["from", "to", "step"], &["from", "to", "count"]],
        ),
        Domain::Whole { .. } => (
            "integer",
            &[
                &["from", "to", "step"],
                &["from", "to", "count"],
                &["from", "count"],
            ],
        ),
        Domain::Folder | Domain::File | Domain::Mask => return Vec::new(),
        Domain::Text | Domain::Scheduler | Domain::Preset => return Vec::new(),
    };
    let bound = |help| described(help, reference(parameter.key()));
    let part = |name: &str| match name {
        "from" => bound("The first value."),
        "to" => bound("The last value, included if the steps reach it."),
        "step" => {
            json!({ "description": "The distance between two values.", "type": kind, "exclusiveMinimum": 0 })
        }
        _ => {
            json!({ "description": "The number of values.", "type": "integer", "minimum": 1, "maximum": MAX_VALUES })
        }
    };
    let range = |names: &&[&str]| {
        let properties: Map<String, Json> = names
            .iter()
            .map(|name| ((*name).to_owned(), part(name)))
            .collect();
        json!({
            "description": format!("A range: {}.", names.join(", ")),
            "type": "object",
            "properties": properties,
            "required": names,
            "additionalProperties": false,
        })
    };
    forms.iter().map(range).collect()
}

/// The values of a setting.
fn form(setting: &Setting) -> Json {
    match &setting.form {
        Form::RunName => json!({
            "type": "string",
            "pattern": "^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_-])?$",
            "maxLength": valid::MAX_NAME_BYTES,
        }),
        Form::PresetName => {
            json!({ "type": "string", "minLength": 1, "maxLength": MAX_TEXT_BYTES })
        }
        Form::Prompt => reference("prompt"),
        Form::Path => json!({ "type": "string", "minLength": 1 }),
        Form::Choice(words) => {
            let words = words();
            json!({ "enum": words, "default": words[0] })
        }
        Form::ChoiceOrWhole(words, (min, max)) => {
            let words = words();
            let number = json!({ "type": "integer", "minimum": min, "maximum": max });
            json!({ "oneOf": [{ "enum": words }, number], "default": words[0] })
        }
        Form::Device => json!({
            "type": "string",
            "pattern": super::Device::pattern(),
            "default": "auto",
            "examples": super::Device::choices(),
        }),
        Form::Whole((min, max), default) => {
            let mut number = json!({ "type": "integer", "minimum": min, "maximum": max });
            if let Some(default) = default {
                extend(&mut number, json!({ "default": default }));
            }
            number
        }
        Form::Number((min, max), default) => json!({
            "type": "number",
            "minimum": min,
            "maximum": max,
            "default": default(&CheckSpec::default()),
        }),
        Form::NumberAsElsewhere((min, max)) => {
            json!({ "type": "number", "minimum": min, "maximum": max })
        }
        Form::Box => {
            let side = json!({ "type": "integer", "minimum": 0, "maximum": SIDE.1 });
            json!({ "type": "array", "items": side, "minItems": 4, "maxItems": 4 })
        }
        Form::Boolean(default) => json!({ "type": "boolean", "default": default }),
        Form::Axis => reference("axis"),
        Form::Axes => one_or_several(&reference("axis")),
        Form::Stages => one_or_several(&json!({ "type": "string", "minLength": 1 })),
    }
}

/// Such a value, or a list of different ones.
fn one_or_several(one: &Json) -> Json {
    let list = json!({ "type": "array", "items": one, "minItems": 1, "uniqueItems": true });
    json!({ "oneOf": [one, list] })
}

/// Adds the entries of one object to another.
fn extend(object: &mut Json, more: Json) {
    if let (Json::Object(entries), Json::Object(more)) = (object, more) {
        entries.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> Json {
        serde_json::from_str(&schema()).unwrap()
    }

    fn described_tables() -> impl Iterator<Item = (Table, Json)> {
        let root = root();
        [Table::Root]
            .into_iter()
            .chain(Table::NAMED)
            .map(move |table| {
                let described = match table {
                    Table::Root => root.clone(),
                    _ if table.repeats() => root["properties"][table.name()]["items"].clone(),
                    _ => root["properties"][table.name()].clone(),
                };
                (table, described)
            })
    }

    #[test]
    fn the_committed_schema_is_the_one_that_is_made() {
        let committed = include_str!("sweep.schema.json");
        assert!(
            committed == schema(),
            "write it anew: ip2p schema > src/spec/sweep.schema.json"
        );
    }

    #[test]
    fn every_key_that_the_parser_reads_is_described_in_a_sentence() {
        for (table, described) in described_tables() {
            for entry in table.entries() {
                let property = &described["properties"][entry.name()];
                let text = property["description"].as_str().unwrap_or_default();
                assert!(
                    text.len() > 10 && text.ends_with('.'),
                    "{}.{}",
                    table.name(),
                    entry.name()
                );
            }
            let others = &described["additionalProperties"];
            let own = match table.takes_stages() {
                true => &others["additionalProperties"],
                false => others,
            };
            assert_eq!(*own, json!(false), "{}", table.name());
        }
    }

    #[test]
    fn an_exclusion_and_a_preset_have_no_defaults_of_their_own() {
        for (table, described) in described_tables() {
            if matches!(table, Table::Exclude | Table::Preset) {
                let text = described.to_string();
                assert!(!text.contains("Default: 7.0"), "{}", table.name());
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn visit(root: &Json, value: &Json) {
            match value {
                Json::Object(entries) => {
                    if let Some(target) = entries.get("$ref").and_then(Json::as_str) {
                        let pointer = target.strip_prefix('#').unwrap();
                        assert!(root.pointer(pointer).is_some(), "{target}");
                    }
                    entries.values().for_each(|value| visit(root, value));
                }
                Json::Array(values) => values.iter().for_each(|value| visit(root, value)),
                _ => {}
            }
        }
        visit(&root(), &root());
    }
}
