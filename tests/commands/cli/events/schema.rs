//! Checks events against the schema, with as much of JSON Schema as the events use.

use serde_json::Value;

/// The definition that a `$ref` names, or the value itself.
pub fn resolved<'a>(schema: &'a Value, value: &'a Value) -> &'a Value {
    let name = value["$ref"].as_str();
    match name.and_then(|path| path.strip_prefix("#/$defs/")) {
        Some(name) => &schema["$defs"][name],
        None => value,
    }
}

/// The properties of a kind of event: its own, and those of the type that it refers to.
pub fn properties<'a>(schema: &'a Value, kind: &'a Value) -> Vec<(&'a String, &'a Value)> {
    let own = kind["properties"].as_object().into_iter().flatten();
    let inner = resolved(schema, kind);
    let inner = inner["properties"].as_object().into_iter().flatten();
    let is_own = kind.get("$ref").is_some();
    own.chain(inner.filter(move |_| is_own)).collect()
}

/// Fails if an event does not conform to the schema.
pub fn check(schema: &Value, event: &Value) {
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
    if wanted.as_bool() == Some(true) {
        return true;
    }
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
