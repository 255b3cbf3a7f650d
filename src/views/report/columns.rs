//! The columns of all numbers in records, so that new measures appear in the report without further work.

use serde_json::{Map, Value, json};

use crate::vocabulary::Record;

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
                    Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
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

/// What was measured of a cell and with what, objects flattened, and the sum of its times. A new field of the record does
/// not compile until it is decided whether it is a column.
fn fields(record: &Record) -> Map<String, Value> {
    let Record {
        cell: _,
        status: _,
        error: _,
        file: _,
        finished: _,
        input_pixels_sha256: _,
        first_latents: _,
        steps: _,
        race,
        device,
        precision,
        batch_size,
        unet_evals,
        times,
        memory,
        vram_peak_mib,
        vram_source,
        vram_device_mib,
        vram_device_source,
        rss_peak_mib,
        image_change,
        measures,
        masked,
        clip,
    } = record;
    let columns = json!({
        "device": device,
        "precision": precision,
        "batch_size": batch_size,
        "unet_evals": unet_evals,
        "times": times,
        "memory": memory,
        "vram_peak_mib": vram_peak_mib,
        "vram_source": vram_source,
        "vram_device_mib": vram_device_mib,
        "vram_device_source": vram_device_source,
        "rss_peak_mib": rss_peak_mib,
        "image_change": image_change,
        "measures": measures,
        "masked": masked,
        "clip": clip,
        "race": race,
    });
    let mut fields = Map::new();
    if let Value::Object(columns) = columns {
        unfold(columns, &mut fields);
    }
    if let Some(total) = times.total_ms() {
        fields.insert("total_ms".to_owned(), Value::from(total));
    }
    fields
}

fn unfold(object: Map<String, Value>, fields: &mut Map<String, Value>) {
    for (key, value) in object {
        match value {
            // Which CLIP it was stands with the settings of the run.
            _ if key == "clip_sha256" => {}
            Value::Object(inner) => unfold(inner, fields),
            value => {
                fields.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{CellKey, ImageFile, MaskedMeasures, Measures, Sha256Sum};

    #[test]
    fn measures_are_columns_in_their_order_and_what_identifies_a_cell_is_none() {
        let key = CellKey::new("a", "000000000001");
        let mut record = Record::new(key, "cpu", "fp16");
        record.file = Some(ImageFile {
            bytes: 12,
            sha256: Sha256Sum::of(b""),
        });
        record.input_pixels_sha256 = Some("cd".repeat(32));
        record.measures = Some(Measures {
            ssim: 0.5,
            saturation_change: 0.1,
            contrast_change: -0.1,
        });
        record.masked = Some(Box::new(MaskedMeasures {
            change_inside: Some(0.25),
            ssim_inside: None,
            change_outside: None,
            ssim_outside: None,
        }));
        let columns = Columns::of([&record].into_iter());
        assert_eq!(columns.words, ["device", "precision"]);
        assert_eq!(
            columns.numbers,
            [
                "batch_size",
                "unet_evals",
                "ssim",
                "saturation_change",
                "contrast_change",
                "change_inside"
            ]
        );
        let row = columns.row(&record);
        assert_eq!(row.numbers[2], Some(0.5));
        assert_eq!(row.words[1].as_deref(), Some("fp16"));
    }
}
