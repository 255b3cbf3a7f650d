//! Forecasts what a run will do, and the time and memory it will take.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Prepared;
use super::RunnerError;
use super::durations::{Seconds, seconds, views_seconds};
use super::memory::alone_bytes;
use super::peaks::{Peak, Peaks};
use super::timings::Timings;
use crate::model::clip::Encoder;
use crate::plan::{ModelWork, Schedule, UnetRows};
use crate::spec::{Device, MemoryPolicy};
use crate::store::Run;
use crate::vocabulary::ExecutionDevice;

/// What is left to do for a sweep, and what it will take.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// All stages together.
    pub whole: Needs,
    /// Each stage, in the order of [`Plan::stages`](crate::plan::Plan::stages).
    pub stages: Vec<Needs>,
    /// The device to which the times apply.
    pub device: Option<String>,
    /// What measuring with CLIP will take, if the sweep file names a CLIP folder.
    pub measuring: Option<Measuring>,
}

/// What the remaining cells, of one stage or of all, will need.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Needs {
    /// Number of cells, copies included.
    pub cells: usize,
    /// Their UNet rows.
    pub rows: UnetRows,
    /// Time in seconds; `None` unless the models have run at these sizes before.
    pub seconds: Option<f64>,
    /// The peak of memory with all components of a model loaded; `None` if nothing is left to do.
    pub resident: Option<Peak>,
    /// The peak of memory with one component loaded at a time.
    pub phased: Option<Peak>,
}

/// What measuring with CLIP will take, after the cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Measuring {
    /// The CLIP folder's name in the sweep file.
    pub clip: String,
    /// Number of cells to be measured, if none fails.
    pub cells: usize,
    /// Number of images to embed: inputs, and outputs that are not copies.
    pub images: usize,
    /// Number of captions to embed.
    pub captions: usize,
    /// Time for the images in seconds; `None` unless CLIP has run before.
    pub seconds: Option<f64>,
    /// Memory of the larger encoder, in bytes.
    pub bytes: f64,
}

/// Forecasts a sweep, given what its run folder already holds.
///
/// # Errors
/// If the run folder's journal cannot be read.
pub fn forecast(
    prepared: &Prepared,
    out: &Path,
    cache: Option<&PathBuf>,
) -> Result<Forecast, RunnerError> {
    let plan = &prepared.plan;
    let run = Run::find(out)?;
    let left: Vec<usize> = match &run {
        Some(run) => run.pending(plan),
        None => (0..plan.cells.len()).collect(),
    };
    let schedule = Schedule::new(plan, &left);
    let timings = Timings::read(cache);
    let device = timings.last_device().map(str::to_owned);
    let estimate = Estimate {
        prepared,
        peaks: Peaks {
            prepared,
            timings: &timings,
            device: peaks_device(prepared, device.as_deref()),
        },
        timings: &timings,
        device: device.as_deref(),
    };
    let stages = (0..plan.stages.len()).map(|stage| {
        let cells = left.iter().filter(|&&cell| plan.cells[cell].stage == stage);
        let works = schedule.models.iter().filter(|work| work.stage == stage);
        estimate.needs(cells.count(), &works.collect::<Vec<_>>())
    });
    let all: Vec<&ModelWork> = schedule.models.iter().collect();
    let mut whole = estimate.needs(left.len(), &all);
    if let Some(seconds) = &mut whole.seconds {
        *seconds += views_seconds(plan, &timings);
    }
    Ok(Forecast {
        whole,
        stages: stages.collect(),
        measuring: measuring(prepared, run.as_ref(), &left, &timings),
        device,
    })
}

/// What the forecast is computed from.
struct Estimate<'a> {
    prepared: &'a Prepared,
    peaks: Peaks<'a>,
    timings: &'a Timings,
    device: Option<&'a str>,
}

impl Estimate<'_> {
    fn needs(&self, cells: usize, works: &[&ModelWork]) -> Needs {
        let seconds = self.device.and_then(|device| {
            let of_each = works.iter();
            let seconds = of_each.map(|work| seconds(self.prepared, work, self.timings, device));
            Some(seconds.sum::<Option<Seconds>>()?.all())
        });
        Needs {
            cells,
            rows: UnetRows::of(works.iter().copied(), self.prepared.evaluation_steps()),
            seconds,
            resident: self.peaks.highest(works, MemoryPolicy::Resident),
            phased: self.peaks.highest(works, MemoryPolicy::Phased),
        }
    }
}

/// The device on which the sweep will run, as far as it is known without querying devices: the one that its file names,
/// or else that of the last run.
fn peaks_device(prepared: &Prepared, last: Option<&str>) -> ExecutionDevice {
    match prepared.spec.runtime.device {
        Device::Named(device) => device,
        Device::Auto => last
            .and_then(|last| last.parse().ok())
            .unwrap_or(ExecutionDevice::Cpu),
    }
}

/// What CLIP has left to do if these cells have no image yet.
fn measuring(
    prepared: &Prepared,
    run: Option<&Run>,
    left: &[usize],
    timings: &Timings,
) -> Option<Measuring> {
    let clip = prepared.clip.as_ref()?;
    let plan = &prepared.plan;
    let all = (0..plan.cells.len()).collect();
    let record_of = |cell: usize| run?.records.get(&plan.cells[cell].key);
    let unmeasured = prepared.unmeasured(&all, record_of).into_iter();
    let cells: BTreeSet<usize> = unmeasured.chain(left.iter().copied()).collect();
    let outputs = cells
        .iter()
        .filter(|&&cell| plan.cells[cell].same_as.is_none());
    let captions = cells
        .iter()
        .filter_map(|&cell| prepared.captions(&plan.cells[cell]));
    let captions: BTreeSet<String> = captions
        .flat_map(|captions| [captions.caption_before, captions.caption_after])
        .collect();
    let images = outputs.count() + plan.inputs_of(cells.iter().copied()).len();
    let image_ms = timings
        .last_device()
        .and_then(|device| timings.clip_ms(&clip.sha256, device));
    Some(Measuring {
        clip: clip.name.clone(),
        cells: cells.len(),
        images,
        captions: captions.len(),
        seconds: image_ms.map(|ms| ms * images as f64 / 1000.0),
        bytes: alone_bytes(Encoder::ALL.map(|encoder| clip.folder.encoder_bytes(encoder))),
    })
}
