//! Memory over a run: what was in use after each denoising step, thinned out for drawing.

use serde::Serialize;

use crate::vocabulary::Record;

/// No screen can show more points than this.
const MOST_POINTS: usize = 500;

/// A curve over the run. Time is counted in finished cells, so that pauses before a run was resumed take no space.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Memory {
    cells: Vec<f64>,
    vram_mib: Vec<Option<f64>>,
    rss_mib: Vec<Option<f64>>,
}

struct Point {
    cells: f64,
    vram_mib: Option<f64>,
    rss_mib: Option<f64>,
}

impl Memory {
    /// The curve of these records, in any order.
    pub(super) fn of<'a>(records: impl Iterator<Item = &'a Record>) -> Self {
        let mut records: Vec<_> = records.collect();
        records.sort_by(|one, other| (one.finished, &one.cell).cmp(&(other.finished, &other.cell)));
        let points: Vec<_> = records
            .iter()
            .enumerate()
            .flat_map(|(index, record)| points(index, record))
            .collect();
        let thinning = points.len().div_ceil(MOST_POINTS).max(1);
        let mut memory = Self::default();
        for bucket in points.chunks(thinning) {
            memory.cells.extend(bucket.last().map(|point| point.cells));
            memory
                .vram_mib
                .push(largest(bucket, |point| point.vram_mib));
            memory.rss_mib.push(largest(bucket, |point| point.rss_mib));
        }
        memory
    }
}

/// The points of a record: its steps or, if none was measured, its peak.
fn points(index: usize, record: &Record) -> Vec<Point> {
    let steps = record.steps.len() as f64;
    let mut points: Vec<_> = record
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.vram_mib.is_some() || step.rss_mib.is_some())
        .map(|(number, step)| Point {
            cells: index as f64 + (number + 1) as f64 / steps,
            vram_mib: step.vram_mib,
            rss_mib: step.rss_mib,
        })
        .collect();
    if points.is_empty() && (record.vram_peak_mib.is_some() || record.rss_peak_mib.is_some()) {
        points.push(Point {
            cells: (index + 1) as f64,
            vram_mib: record.vram_peak_mib,
            rss_mib: record.rss_peak_mib,
        });
    }
    points
}

fn largest(points: &[Point], value: impl Fn(&Point) -> Option<f64>) -> Option<f64> {
    points.iter().filter_map(value).reduce(f64::max)
}
