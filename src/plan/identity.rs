//! Whether two plans are the same: they are if they give the same cells, wherever their files are.

use std::ptr;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Cell, Plan};
use crate::digest::hexadecimal;
use crate::parallel::write_in_order;

impl Plan {
    /// SHA-256, in hexadecimal, over everything but the locations of files.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.head().to_string());
        let text = |cells: &[Cell]| -> serde_json::Result<Vec<u8>> {
            let mut text = Vec::new();
            for cell in cells {
                serde_json::to_writer(&mut text, cell)?;
            }
            Ok(text)
        };
        let write = |text: &[u8]| {
            hash.update(text);
            Ok(())
        };
        write_in_order(&self.cells, text, write).expect("cells have only texts and whole numbers");
        hexadecimal(&hash.finalize())
    }

    /// The first key in which another plan differs, as it stands in `plan.json` (`models.0.sha256`); locations of files
    /// are ignored.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        if ptr::eq(self, other) {
            return None;
        }
        if let Some(key) = difference(&self.head(), &other.head()) {
            return Some(key);
        }
        let pairs = self.cells.iter().zip(&other.cells);
        let differing = pairs.enumerate().find(|(_, (one, other))| one != other);
        match differing {
            Some((index, (one, other))) => {
                let key = difference(&json!(one), &json!(other)).unwrap_or_default();
                Some(format!("cells.{index}.{key}"))
            }
            None if self.cells.len() != other.cells.len() => Some("cells".to_owned()),
            None => None,
        }
    }

    /// Everything but the cells, without the locations of files.
    fn head(&self) -> Value {
        let Self {
            name,
            stages,
            axes,
            models,
            images,
            masks,
            numerics,
            fit,
            resolution,
            // Which stages are checked does not affect the cells.
            checked_stages: _,
            sheet,
            cells: _,
            by_name: _,
        } = self;
        let mut head = json!({
            "name": name, "stages": stages, "axes": axes, "models": models, "images": images, "masks": masks, "numerics": numerics,
            "fit": fit, "resolution": resolution, "sheet": sheet,
        });
        for list in ["models", "images", "masks"] {
            let entries = head[list].as_array_mut().into_iter().flatten();
            for entry in entries.filter_map(Value::as_object_mut) {
                entry.remove("path");
                // Already covered by the digest of the whole model.
                entry.remove("files");
            }
        }
        if let Some(sheet) = head["sheet"].as_object_mut() {
            sheet.remove("font");
        }
        head
    }
}

/// The path of the first value that differs; empty if the values themselves do.
fn difference(one: &Value, other: &Value) -> Option<String> {
    let below = |key: String, inner: String| match inner.is_empty() {
        true => key,
        false => format!("{key}.{inner}"),
    };
    match (one, other) {
        _ if one == other => None,
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys());
            let mut differing = keys.filter_map(|key| {
                let pair = (one.get(key), other.get(key));
                let (Some(one), Some(other)) = pair else {
                    return Some(key.clone());
                };
                difference(one, other).map(|inner| below(key.clone(), inner))
            });
            differing.next()
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let mut pairs = one.iter().zip(other).enumerate();
            pairs.find_map(|(index, (one, other))| {
                difference(one, other).map(|inner| below(index.to_string(), inner))
            })
        }
        _ => Some(String::new()),
    }
}
