//! The columns of a run's table of cells, one definition each; CSV and Parquet writers loop over them.

use std::borrow::Cow;
use std::ops::Deref;
use std::path::Path;

use super::table::{number, text};
use crate::plan::{Cell, Plan};
use crate::vocabulary::{
    CellKey, Domain, MaskedMeasures, Measures, Parameter, Place, Record, Status,
};

/// A row: a cell and everything known about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct CellRow<'a> {
    /// The name of the run's folder.
    pub(super) run: &'a str,
    pub(super) plan: &'a Plan,
    pub(super) cell: &'a Cell,
    pub(super) record: &'a Record,
    /// The advice for the cell.
    pub(super) advice: Option<&'a str>,
    /// Whether the cell is the advised one of its panel; `None` if no panel has one.
    pub(super) advised: Option<bool>,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Whole numbers from 0.
    Whole,
    /// Numbers with this many decimal places in CSV; `None` writes them in full.
    Number {
        decimals: Option<usize>,
    },
    Truth,
    /// UTC timestamps.
    Time,
}

/// The value of a field; `Nothing` if unknown or not applicable.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Whole(u64),
    Number(f64),
    Truth(bool),
    Time(jiff::Timestamp),
}

/// The definition of a column.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    from: From,
}

/// Where a column's values come from.
enum From {
    Parameter(Parameter),
    Row(for<'a> fn(&CellRow<'a>) -> Value<'a>),
}

impl Column {
    /// All columns in order. New columns are added at the end, because people and scripts rely on the positions of the
    /// others.
    pub(super) fn all() -> Vec<Self> {
        let parameters = Parameter::DEFINED.into_iter();
        let parameters = parameters
            .filter(|parameter| parameter.definition().place != Place::Presets)
            .map(Self::of_parameter);
        let mut columns = of_cell();
        columns.extend(parameters);
        columns.extend(of_work());
        columns.extend(of_measures());
        columns.extend(of_remarks());
        columns.extend(of_origin());
        columns.extend(of_mask());
        columns
    }

    /// The column of a parameter. For presets there is none: the values that a preset sets stand in the other columns.
    fn of_parameter(parameter: Parameter) -> Self {
        let kind = match parameter.definition().domain {
            Domain::Folder
            | Domain::File
            | Domain::Mask
            | Domain::Text
            | Domain::Scheduler
            | Domain::Preset => Kind::Text,
            Domain::Decimal { .. } => Kind::Number { decimals: None },
            Domain::Whole { .. } => Kind::Whole,
        };
        Self {
            name: parameter.key(),
            kind,
            from: From::Parameter(parameter),
        }
    }

    /// The column's value in a row.
    pub(super) fn value<'a>(&self, row: &CellRow<'a>) -> Value<'a> {
        let parameter = match self.from {
            From::Row(value) => return value(row),
            From::Parameter(parameter) => parameter,
        };
        let written = row.cell.parameters.text(parameter);
        match self.kind {
            Kind::Whole => written.parse().map_or(Value::Nothing, Value::Whole),
            Kind::Number { .. } => written.parse().map_or(Value::Nothing, Value::Number),
            Kind::Text | Kind::Truth | Kind::Time if written.is_empty() => Value::Nothing,
            Kind::Text | Kind::Truth | Kind::Time => Value::Text(written.into()),
        }
    }

    /// The value in JSON; `null` if it is unknown or does not apply.
    pub(super) fn json(&self, row: &CellRow) -> serde_json::Value {
        match self.value(row) {
            Value::Nothing => serde_json::Value::Null,
            Value::Text(value) => value.into(),
            Value::Whole(value) => value.into(),
            Value::Number(value) => value.into(),
            Value::Truth(value) => value.into(),
            Value::Time(value) => value.to_string().into(),
        }
    }

    /// The value as written to CSV: never a spreadsheet formula, and with no more decimal places than are meaningful.
    pub(super) fn field(&self, row: &CellRow) -> String {
        if let From::Parameter(parameter) = self.from {
            return text(&row.cell.parameters.text(parameter));
        }
        match (self.value(row), self.kind) {
            (Value::Nothing, _) => String::new(),
            (Value::Text(value), _) => text(&value),
            (Value::Whole(value), _) => value.to_string(),
            (
                Value::Number(value),
                Kind::Number {
                    decimals: Some(decimals),
                },
            ) => number(Some(value), decimals),
            (Value::Number(value), _) => value.to_string(),
            (Value::Truth(value), _) => value.to_string(),
            (Value::Time(value), _) => value.to_string(),
        }
    }
}

fn column(name: &'static str, kind: Kind, value: for<'a> fn(&CellRow<'a>) -> Value<'a>) -> Column {
    Column {
        name,
        kind,
        from: From::Row(value),
    }
}

/// For milliseconds and MiB.
const ROUGH: Kind = Kind::Number { decimals: Some(1) };

/// For measures of images.
const FINE: Kind = Kind::Number { decimals: Some(5) };

fn words(text: &str) -> Value<'_> {
    match text.is_empty() {
        true => Value::Nothing,
        false => Value::Text(text.into()),
    }
}

fn known<T: Deref<Target = str>>(text: &Option<T>) -> Value<'_> {
    words(text.as_deref().unwrap_or_default())
}

fn measured<'a>(value: Option<f64>) -> Value<'a> {
    value.map_or(Value::Nothing, Value::Number)
}

fn pixels<'a>(row: &CellRow<'a>, value: fn(&Measures) -> f64) -> Value<'a> {
    measured(row.record.measures.as_ref().map(value))
}

/// A measure inside or outside a mask.
fn masked<'a>(row: &CellRow<'a>, value: fn(&MaskedMeasures) -> Option<f64>) -> Value<'a> {
    measured(row.record.masked.as_deref().and_then(value))
}

fn of_cell() -> Vec<Column> {
    vec![
        column("cell", Kind::Text, |row| words(row.cell.key.as_str())),
        column("status", Kind::Text, |row| match row.record.status {
            Status::Done => Value::Text("done".into()),
            Status::Failed => Value::Text("failed".into()),
        }),
        column("file", Kind::Text, |row| match row.record.status {
            Status::Done => Value::Text(row.cell.key.image_path().into()),
            Status::Failed => Value::Nothing,
        }),
    ]
}

/// What the cell was computed with, and what that took.
fn of_work() -> Vec<Column> {
    vec![
        column("width", Kind::Whole, |row| {
            Value::Whole(row.cell.width.into())
        }),
        column("height", Kind::Whole, |row| {
            Value::Whole(row.cell.height.into())
        }),
        column("device", Kind::Text, |row| words(&row.record.device)),
        column("precision", Kind::Text, |row| words(&row.record.precision)),
        column("batch_size", Kind::Whole, |row| {
            Value::Whole(row.record.batch_size.into())
        }),
        column("unet_evals", Kind::Whole, |row| {
            Value::Whole(row.record.unet_evals.into())
        }),
        column("encode_text_ms", ROUGH, |row| {
            measured(row.record.times.encode_text_ms)
        }),
        column("encode_image_ms", ROUGH, |row| {
            measured(row.record.times.encode_image_ms)
        }),
        column("denoise_ms", ROUGH, |row| {
            measured(row.record.times.denoise_ms)
        }),
        column("decode_ms", ROUGH, |row| {
            measured(row.record.times.decode_ms)
        }),
        column("save_ms", ROUGH, |row| measured(row.record.times.save_ms)),
        column("total_ms", ROUGH, |row| {
            measured(row.record.times.total_ms())
        }),
        column("vram_peak_mib", ROUGH, |row| {
            measured(row.record.vram_peak_mib)
        }),
        column("vram_source", Kind::Text, |row| {
            known(&row.record.vram_source)
        }),
        column("rss_peak_mib", ROUGH, |row| {
            measured(row.record.rss_peak_mib)
        }),
    ]
}

/// Measures of its image.
fn of_measures() -> Vec<Column> {
    vec![
        column("image_change", FINE, |row| {
            measured(row.record.image_change)
        }),
        column("ssim", FINE, |row| pixels(row, |it| it.ssim)),
        column("saturation_change", FINE, |row| {
            pixels(row, |it| it.saturation_change)
        }),
        column("contrast_change", FINE, |row| {
            pixels(row, |it| it.contrast_change)
        }),
        column("clip_image_similarity", FINE, |row| {
            measured(row.record.clip.as_ref().map(|it| it.clip_image_similarity))
        }),
        column("clip_direction_similarity", FINE, |row| {
            let clip = row.record.clip.as_ref();
            measured(clip.and_then(|it| it.clip_direction_similarity))
        }),
    ]
}

/// What is to be said of it, and of its memory.
fn of_remarks() -> Vec<Column> {
    vec![
        column("advice", Kind::Text, |row| {
            words(row.advice.unwrap_or_default())
        }),
        column("error", Kind::Text, |row| known(&row.record.error)),
        column("memory", Kind::Text, |row| known(&row.record.memory)),
        column("vram_device_mib", ROUGH, |row| {
            measured(row.record.vram_device_mib)
        }),
        column("vram_device_source", Kind::Text, |row| {
            known(&row.record.vram_device_source)
        }),
    ]
}

/// Where it stands: among stages, panels and runs.
fn of_origin() -> Vec<Column> {
    vec![
        column("stage", Kind::Text, |row| {
            words(
                row.plan
                    .stages
                    .get(row.cell.stage)
                    .map_or("", |it| &it.name),
            )
        }),
        // The cell whose image it works on.
        column("input", Kind::Text, |row| {
            words(row.plan.input_of(row.cell).map_or("", CellKey::as_str))
        }),
        // The image it works on, relative to the run folder.
        column("input_file", Kind::Text, |row| match row.cell.fitted() {
            Some(fitted) => Value::Text(row.plan.input_path(fitted).into()),
            None => Value::Nothing,
        }),
        column("advised", Kind::Truth, |row| {
            row.advised.map_or(Value::Nothing, Value::Truth)
        }),
        column("finished", Kind::Time, |row| {
            Value::Time(row.record.finished)
        }),
        column("run", Kind::Text, |row| words(row.run)),
    ]
}

/// What its image is like on both sides of a mask's edge.
fn of_mask() -> Vec<Column> {
    vec![
        column("change_inside", FINE, |row| {
            masked(row, |it| it.change_inside)
        }),
        column("ssim_inside", FINE, |row| masked(row, |it| it.ssim_inside)),
        column("change_outside", FINE, |row| {
            masked(row, |it| it.change_outside)
        }),
        column("ssim_outside", FINE, |row| {
            masked(row, |it| it.ssim_outside)
        }),
    ]
}

/// The name of a run in its tables: that of its folder.
pub(super) fn name_of(folder: &Path, plan: &Plan) -> String {
    let whole = std::path::absolute(folder);
    let name = whole.as_deref().unwrap_or(folder).file_name();
    name.map_or_else(
        || plan.name.clone(),
        |name| name.to_string_lossy().into_owned(),
    )
}
