//! The columns of all numbers in records, so that new measures appear in the report without further work.

use serde_json::{Map, Value};

use crate::vocabulary::Record;

/// Fields of a record that are not measures of the cell.
const NOT_MEASURED: [&str; 6] = [
    "cell",
    "status",
    "error",
    "finished",
    "steps",
    "clip_sha256",
];

/// The numbers and words of all records, as columns. Numbers inside an object of the record (`times`) become columns of
/// their own.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// Keys of the numeric columns; they end with their units (`denoise_ms`).
    pub(super) numbers: Vec<String>,
    /// Keys of the text columns, such as `device`.
    pub(super) words: Vec<String>,
}

/// The values of one record, in the order of [`Columns`].
#[derive(Debug, Default, PartialEq)]
pub(super) struct Row {
    pub(super) numbers: Vec<Option<f64>>,
    pub(super) words: Vec<Option<String>>,
}

impl Columns {
    /// The columns that at least one record has, in the order of the record's fields.
    pub(super) fn of<'a>(records: impl Iterator<Item = &'a Record>) -> Self {
        let mut columns = Self::default();
        for record in records {
            for (key, value) in fields(record) {
                match value {
                    Value::Number(_) => insert(&mut columns.numbers, &key),
                    Value::String(_) => insert(&mut columns.words, &key),
                    _ => {}
                }
            }
        }
        columns
    }

    /// The values of a record.
    pub(super) fn row(&self, record: &Record) -> Row {
        let fields = fields(record);
        let number = |key: &String| fields.get(key).and_then(Value::as_f64);
        let word = |key: &String| Some(fields.get(key)?.as_str()?.to_owned());
        Row {
            numbers: self.numbers.iter().map(number).collect(),
            words: self.words.iter().map(word).collect(),
        }
    }
}

fn insert(keys: &mut Vec<String>, key: &str) {
    if !keys.iter().any(|known| known == key) {
        keys.push(key.to_owned());
    }
}

/// The fields of a record, with objects flattened, and the sum of its times.
fn fields(record: &Record) -> Map<String, Value> {
    let mut fields = Map::new();
    if let Ok(Value::Object(record)) = serde_json::to_value(record) {
        unfold(record, &mut fields);
    }
    if let Some(total) = record.times.total_ms() {
        fields.insert("total_ms".to_owned(), Value::from(total));
    }
    fields
}

fn unfold(object: Map<String, Value>, fields: &mut Map<String, Value>) {
    for (key, value) in object {
        match value {
            _ if NOT_MEASURED.contains(&key.as_str()) => {}
            Value::Object(inner) => unfold(inner, fields),
            Value::Array(items) => {
                let words: Vec<_> = items.iter().filter_map(Value::as_str).collect();
                if !words.is_empty() {
                    fields.insert(key, Value::from(words.join("; ")));
                }
            }
            value => {
                fields.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_unfolded_lists_joined_and_the_rest_left_out() {
        let record = serde_json::json!({
            "cell": "a", "steps": [{ "step": 0 }], "device": "cpu", "vram_peak_mib": null,
            "measures": { "ssim": 0.5, "advice": ["try 2.0", "or 5.0"] },
        });
        let mut fields = Map::new();
        unfold(record.as_object().unwrap().clone(), &mut fields);
        let expected = serde_json::json!({
            "device": "cpu", "vram_peak_mib": null, "ssim": 0.5, "advice": "try 2.0; or 5.0",
        });
        assert_eq!(Value::Object(fields), expected);
    }
}
