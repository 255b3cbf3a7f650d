//! What a run will do and take, before it does.

use std::path::{Path, PathBuf};

use super::Prepared;
use super::memory::{phased_bytes, resident_bytes};
use super::timings::Timings;
use crate::Error;
use crate::plan::{ModelWork, Schedule, UnetRows};
use crate::store::Run;

/// What is left to do for a sweep, and what it will take.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Cells that are left, copies included.
    pub cells: usize,
    /// UNet rows for them.
    pub rows: UnetRows,
    /// Time, if the models ran at these sizes before.
    pub seconds: Option<f64>,
    /// The device of that time.
    pub device: Option<String>,
    /// Memory of the most demanding model in resident memory.
    pub resident_bytes: f64,
    /// Memory of the largest component.
    pub phased_bytes: f64,
}

/// Looks at the sweep and at what its run folder holds already.
///
/// # Errors
/// If the run folder's journal cannot be read.
pub fn forecast(
    prepared: &Prepared,
    out: &Path,
    cache: Option<&PathBuf>,
) -> Result<Forecast, Error> {
    let plan = &prepared.plan;
    let left = match Run::find(out)? {
        Some(run) => run.pending(plan),
        None => (0..plan.cells.len()).collect(),
    };
    let schedule = Schedule::new(plan, &left);
    let timings = Timings::read(cache);
    let device = timings.last_device().map(str::to_owned);
    let seconds = device.as_deref().and_then(|device| {
        let works = schedule.models.iter();
        works
            .map(|work| seconds(prepared, work, &timings, device))
            .sum()
    });
    let most = |bytes: fn(&_) -> f64| plan.models.iter().map(bytes).fold(0.0, f64::max);
    Ok(Forecast {
        cells: left.len(),
        rows: schedule.unet_rows(plan, prepared.evaluation_steps()),
        seconds,
        device,
        resident_bytes: most(resident_bytes),
        phased_bytes: most(phased_bytes),
    })
}

/// Time of one model's work, if it ran at all its sizes before.
fn seconds(prepared: &Prepared, work: &ModelWork, timings: &Timings, device: &str) -> Option<f64> {
    let plan = &prepared.plan;
    let groups = work.groups.iter().map(|group| {
        let speed = timings.speed(&plan.models[work.model], device, group.start.course)?;
        let alone = Schedule {
            models: vec![ModelWork {
                model: work.model,
                groups: vec![group.clone()],
            }],
        };
        let rows = alone.unet_rows(plan, prepared.evaluation_steps()).evaluated;
        let ms = rows as f64 * speed.unet_row_ms + group.cells.len() as f64 * speed.decode_ms;
        Some(ms / 1000.0)
    });
    groups.sum()
}
