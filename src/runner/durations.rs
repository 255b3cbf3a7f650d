//! How long parts of a run take, by what earlier runs took: loading, encoding, steps, decoding, sheets and report.

use std::collections::{HashMap, HashSet};
use std::iter::Sum;
use std::path::PathBuf;

use super::Prepared;
use super::timings::Timings;
use crate::plan::{ModelWork, Plan, Sampling, Schedule};
use crate::vocabulary::{ExecutionDevice, Record};

/// Seconds that sheets and report of the last stage take.
pub(super) fn views_seconds(plan: &Plan, timings: &Timings) -> f64 {
    let last = plan.last_stage();
    let drawn = plan.cells.iter().filter(|cell| cell.stage == last);
    timings.views_ms(drawn.count()) / 1000.0
}

/// What parts of some work take, in seconds.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct Seconds {
    /// Loading components, encoding texts and images.
    before: f64,
    /// The steps of all cells.
    steps: f64,
    /// Decoding all cells.
    decoding: f64,
}

impl Seconds {
    pub fn all(self) -> f64 {
        self.before + self.steps + self.decoding
    }
}

impl Sum for Seconds {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |one, other| Self {
            before: one.before + other.before,
            steps: one.steps + other.steps,
            decoding: one.decoding + other.decoding,
        })
    }
}

/// The time for one model's work; `None` unless it has run at all these sizes before.
pub(super) fn seconds(
    prepared: &Prepared,
    work: &ModelWork,
    timings: &Timings,
    device: &str,
) -> Option<Seconds> {
    let plan = &prepared.plan;
    let entry = &plan.models[work.model];
    let steps = prepared.evaluation_steps();
    let mut known = HashMap::new();
    let groups = work.groups.iter().map(|group| {
        let sampling = group.start.sampling;
        let speed = *known
            .entry((sampling.width, sampling.height))
            .or_insert_with(|| timings.speed(entry, device, sampling));
        let speed = speed?;
        let rows = group.evaluated_rows(&steps(work.kind, work.model, sampling));
        Some(Seconds {
            before: 0.0,
            steps: rows as f64 * speed.unet_row_ms / 1000.0,
            decoding: group.cells.len() as f64 * speed.decode_ms / 1000.0,
        })
    });
    let seconds: Seconds = groups.sum::<Option<Seconds>>()?;
    let before_ms = before_ms(plan, work, timings, device);
    Some(Seconds {
        before: before_ms / 1000.0,
        ..seconds
    })
}

/// Milliseconds of loading and encoding for one model's work, as far as they are known.
fn before_ms(plan: &Plan, work: &ModelWork, timings: &Timings, device: &str) -> f64 {
    let entry = &plan.models[work.model];
    let (mut load_ms, mut text_ms, mut images_ms) = (0.0_f64, 0.0_f64, 0.0);
    for sampling in samplings(work) {
        let Some(beside) = timings.beside(entry, device, sampling) else {
            continue;
        };
        load_ms = load_ms.max(beside.load_ms);
        text_ms = text_ms.max(beside.text_ms);
        images_ms += beside.image_ms * images(plan, work, sampling) as f64;
    }
    load_ms + text_ms * texts(work) as f64 + images_ms
}

/// One sampling of each size in some work.
fn samplings(work: &ModelWork) -> Vec<Sampling> {
    let mut seen = HashSet::new();
    let all = work.groups.iter().map(|group| group.start.sampling);
    let first_of_size = |sampling: &Sampling| seen.insert((sampling.width, sampling.height));
    all.filter(first_of_size).collect()
}

/// The number of distinct texts that a model has to encode.
fn texts(work: &ModelWork) -> usize {
    let cells = work.groups.iter().flat_map(|group| &group.cells);
    let conditions = cells.flat_map(|cell| cell.guidance.conditions());
    let texts: HashSet<&str> = conditions.map(|condition| condition.text).collect();
    texts.len()
}

/// The number of distinct images that a model has to encode at the size of a sampling.
fn images(plan: &Plan, work: &ModelWork, sampling: Sampling) -> usize {
    let starts = work.groups.iter().map(|group| group.start);
    let of_size = starts.filter(|start| {
        let Sampling { width, height, .. } = start.sampling;
        (width, height) == (sampling.width, sampling.height)
    });
    let images: HashSet<_> = of_size.filter_map(|start| start.fitted(plan)).collect();
    images.len()
}

/// What earlier runs tell of the work of a run, in seconds, to say how long it still takes.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Expected {
    /// From the beginning to the end; `None` unless everything has run before.
    pub all_seconds: Option<f64>,
    /// Loading components, encoding texts and images.
    pub before_seconds: f64,
    /// Decoding one cell.
    pub decode_seconds: Option<f64>,
    /// Sheets and report.
    pub views_seconds: f64,
}

impl Expected {
    pub(super) fn of(
        prepared: &Prepared,
        schedule: &Schedule,
        timings: &Timings,
        device: ExecutionDevice,
    ) -> Self {
        let device = device.to_string();
        let of_each = schedule.models.iter();
        let known: Option<Seconds> = of_each
            .map(|work| seconds(prepared, work, timings, &device))
            .sum();
        let views_seconds = views_seconds(&prepared.plan, timings);
        let groups = schedule.models.iter().flat_map(|work| &work.groups);
        let cells: usize = groups.map(|group| group.cells.len()).sum();
        Self {
            all_seconds: known.map(|known| known.all() + views_seconds),
            before_seconds: known.map_or(0.0, |known| known.before),
            decode_seconds: known
                .filter(|_| cells > 0)
                .map(|known| known.decoding / cells as f64),
            views_seconds,
        }
    }
}

/// Keeps what sheets and report with so many cells took, for later forecasts.
pub fn learn_views(cache: Option<&PathBuf>, cells: usize, ms: f64) {
    let mut timings = Timings::read(cache);
    timings.learn_views(cells, ms);
    timings.write(cache);
}

/// Updates the timings from one model's work on a device, whose components were loaded in `load_ms` milliseconds.
pub(super) fn learn<'r>(
    timings: &mut Timings,
    (plan, work): (&Plan, &ModelWork),
    (device, load_ms): (ExecutionDevice, f64),
    record_of: impl Fn(usize) -> Option<&'r Record>,
) {
    let entry = &plan.models[work.model];
    for sampling in samplings(work) {
        let size = |of: Sampling| (of.width, of.height);
        let groups = work.groups.iter();
        let groups = groups.filter(|group| size(group.start.sampling) == size(sampling));
        let cells = groups.flat_map(|group| &group.cells);
        let records: Vec<&Record> = cells.filter_map(|work| record_of(work.cell)).collect();
        let name = device.to_string();
        timings.learn(entry, &name, sampling, &records);
        timings.learn_peak(entry, device, sampling, &records);
        let encoded = (texts(work), images(plan, work, sampling));
        timings.learn_beside((entry, &name, sampling), load_ms, encoded, &records);
    }
}
