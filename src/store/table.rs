//! `cells.csv` and `steps.csv`, made from the plan and the records.

use std::io;

use csv::WriterBuilder;

use crate::plan::Cell;
use crate::vocabulary::{ClipMeasures, Measures, Record, Status, StepRecord};

/// The columns of `cells.csv`.
pub(super) const CELL_COLUMNS: [&str; 40] = [
    "cell",
    "status",
    "file",
    "model",
    "image",
    "instruction",
    "negative_prompt",
    "guidance_scale",
    "image_guidance_scale",
    "guidance_start",
    "guidance_end",
    "seed",
    "num_inference_steps",
    "scheduler",
    "width",
    "height",
    "device",
    "precision",
    "batch_size",
    "unet_evals",
    "encode_text_ms",
    "encode_image_ms",
    "denoise_ms",
    "decode_ms",
    "save_ms",
    "total_ms",
    "vram_peak_mib",
    "vram_source",
    "rss_peak_mib",
    "image_change",
    "ssim",
    "saturation_change",
    "contrast_change",
    "clip_image_similarity",
    "clip_direction_similarity",
    "advice",
    "error",
    "memory",
    "vram_device_mib",
    "vram_device_source",
];

/// The columns of `steps.csv`.
pub(super) const STEP_COLUMNS: [&str; 10] = [
    "cell",
    "batch_size",
    "step",
    "timestep",
    "sigma",
    "unet_rows",
    "unet_ms",
    "step_ms",
    "vram_mib",
    "rss_mib",
];

/// A cell's row in `cells.csv`.
pub(super) fn cell_row(cell: &Cell, record: &Record, advice: Option<&str>) -> Vec<String> {
    let Cell { parameters, .. } = cell;
    let (status, file) = match record.status {
        Status::Done => ("done", cell.key.image_path()),
        Status::Failed => ("failed", String::new()),
    };
    let times = &record.times;
    let measured = |value: fn(&Measures) -> f64| number(record.measures.as_ref().map(value), 5);
    let clip =
        |value: fn(&ClipMeasures) -> Option<f64>| number(record.clip.as_ref().and_then(value), 5);
    vec![
        text(cell.key.as_str()),
        status.to_owned(),
        file,
        text(&parameters.model),
        text(&parameters.image),
        text(&parameters.instruction),
        text(&parameters.negative_prompt),
        parameters.guidance_scale.to_string(),
        parameters.image_guidance_scale.to_string(),
        parameters.guidance_start.to_string(),
        parameters.guidance_end.to_string(),
        parameters.seed.to_string(),
        parameters.num_inference_steps.to_string(),
        parameters.scheduler.to_string(),
        cell.width.to_string(),
        cell.height.to_string(),
        text(&record.device),
        text(&record.precision),
        record.batch_size.to_string(),
        record.unet_evals.to_string(),
        number(times.encode_text_ms, 1),
        number(times.encode_image_ms, 1),
        number(times.denoise_ms, 1),
        number(times.decode_ms, 1),
        number(times.save_ms, 1),
        number(times.total_ms(), 1),
        number(record.vram_peak_mib, 1),
        text(record.vram_source.as_deref().unwrap_or_default()),
        number(record.rss_peak_mib, 1),
        number(record.image_change, 5),
        measured(|measures| measures.ssim),
        measured(|measures| measures.saturation_change),
        measured(|measures| measures.contrast_change),
        clip(|clip| Some(clip.clip_image_similarity)),
        clip(|clip| clip.clip_direction_similarity),
        text(advice.unwrap_or_default()),
        text(record.error.as_deref().unwrap_or_default()),
        text(record.memory.as_deref().unwrap_or_default()),
        number(record.vram_device_mib, 1),
        text(record.vram_device_source.as_deref().unwrap_or_default()),
    ]
}

/// The rows in `steps.csv` of the batch whose first cell this is.
pub(super) fn step_rows(record: &Record) -> impl Iterator<Item = Vec<String>> {
    record.steps.iter().map(|step: &StepRecord| {
        vec![
            text(record.cell.as_str()),
            record.batch_size.to_string(),
            step.step.to_string(),
            number(Some(step.timestep), 2),
            number(step.sigma, 6),
            step.unet_rows.to_string(),
            number(Some(step.unet_ms), 1),
            number(Some(step.step_ms), 1),
            number(step.vram_mib, 1),
            number(step.rss_mib, 1),
        ]
    })
}

/// Rows as CSV.
pub fn to_csv<R, F>(rows: impl IntoIterator<Item = R>) -> Result<Vec<u8>, csv::Error>
where
    R: IntoIterator<Item = F>,
    F: AsRef<[u8]>,
{
    let mut bytes = Vec::new();
    write_csv(&mut bytes, rows)?;
    Ok(bytes)
}

/// Writes rows as CSV, one in memory at a time.
pub(super) fn write_csv<R, F>(
    out: impl io::Write,
    rows: impl IntoIterator<Item = R>,
) -> Result<(), csv::Error>
where
    R: IntoIterator<Item = F>,
    F: AsRef<[u8]>,
{
    let mut writer = WriterBuilder::new().from_writer(out);
    for row in rows {
        writer.write_record(row)?;
    }
    Ok(writer.flush()?)
}

/// Text that no spreadsheet takes for a formula.
pub fn text(value: &str) -> String {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{value}")
    } else {
        value.to_owned()
    }
}

/// A number with so many decimals; unknown is empty.
pub fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.decimals$}"))
}
