//! What earlier runs took, kept in the cache folder, so that `plan` can forecast a sweep.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::plan::{ModelEntry, Sampling};
use crate::store::{make_folder, write_file};
use crate::vocabulary::{ExecutionDevice, Record, median};

/// Speeds by model, device and size. A file that cannot be read or written is not an error: then nothing is known.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Timings {
    speeds: BTreeMap<String, Speed>,
    /// The device of the last run.
    last_device: Option<String>,
    /// Milliseconds that CLIP takes for an image, by CLIP folder and device.
    #[serde(default)]
    clip_ms: BTreeMap<String, f64>,
    /// The most memory that cells took, in MiB, by model, device, size, memory policy and batch size.
    #[serde(default)]
    peaks_mib: BTreeMap<String, f64>,
    /// What the last run took beside steps and decoding, by model, device and size.
    #[serde(default)]
    beside: BTreeMap<String, Beside>,
    /// Milliseconds of sheets and report for a cell in them.
    #[serde(default)]
    views_cell_ms: Option<f64>,
}

/// The times of the last run that neither steps nor decoding account for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// Milliseconds of loading a model's components.
    pub load_ms: f64,
    /// Milliseconds of encoding a text.
    pub text_ms: f64,
    /// Milliseconds of encoding an image.
    pub image_ms: f64,
}

/// The speed of the last run, as medians over its cells.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Milliseconds of one UNet row, including the step's own arithmetic.
    pub unet_row_ms: f64,
    /// Milliseconds of decoding one cell.
    pub decode_ms: f64,
}

impl Timings {
    /// Reads the timings from the cache folder, if there is one.
    pub fn read(cache: Option<&PathBuf>) -> Self {
        let text = cache.and_then(|folder| fs::read_to_string(folder.join(FILE)).ok());
        text.and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default()
    }

    /// The device of the last run.
    pub fn last_device(&self) -> Option<&str> {
        self.last_device.as_deref()
    }

    /// The speed of a model on a device at a size.
    pub fn speed(&self, model: &ModelEntry, device: &str, sampling: Sampling) -> Option<Speed> {
        self.speeds.get(&key(model, device, sampling)).copied()
    }

    /// Updates the speed from the cells of one model, device and size.
    pub fn learn(
        &mut self,
        model: &ModelEntry,
        device: &str,
        sampling: Sampling,
        records: &[&Record],
    ) {
        let rows = records.iter().flat_map(|record| &*record.steps);
        let row_ms = rows
            .filter(|step| step.unet_rows > 0)
            .map(|step| step.step_ms / f64::from(step.unet_rows));
        let decode_ms = records.iter().filter_map(|record| record.times.decode_ms);
        if let (Some(unet_row_ms), Some(decode_ms)) = (median(row_ms), median(decode_ms)) {
            self.last_device = Some(device.to_owned());
            self.speeds.insert(
                key(model, device, sampling),
                Speed {
                    unet_row_ms,
                    decode_ms,
                },
            );
        }
    }

    /// The most memory in MiB that a model took on a device at a size, with a memory policy and batch size: the
    /// process's memory on a CPU, the device's on a GPU.
    pub fn peak_mib(
        &self,
        model: &ModelEntry,
        device: ExecutionDevice,
        size: (u32, u32),
        memory: &str,
        batch: usize,
    ) -> Option<f64> {
        let key = peak_key(model, device, size, memory, batch);
        self.peaks_mib.get(&key).copied()
    }

    /// Updates the memory peak from all cells of one model, device and size.
    pub fn learn_peak(
        &mut self,
        model: &ModelEntry,
        device: ExecutionDevice,
        sampling: Sampling,
        records: &[&Record],
    ) {
        let size = (sampling.width, sampling.height);
        let Some(first) = records.first() else { return };
        let is_alike = records.iter().all(|record| record.memory == first.memory);
        let (Some(memory), true) = (&first.memory, is_alike) else {
            // Memory ran out on the way, so neither policy has a complete figure.
            return;
        };
        let peaks = records.iter().map(|record| match device.facts().is_gpu {
            true => record.vram_peak_mib,
            false => record.rss_peak_mib,
        });
        let batch = records.iter().map(|record| record.batch_size).max();
        if let Some(peak) = peaks.flatten().reduce(f64::max) {
            let batch = batch.unwrap_or(1) as usize;
            let key = peak_key(model, device, size, memory, batch);
            self.peaks_mib.insert(key, peak);
        }
    }

    /// What a model took on a device at a size beside steps and decoding.
    pub fn beside(&self, model: &ModelEntry, device: &str, sampling: Sampling) -> Option<Beside> {
        self.beside.get(&key(model, device, sampling)).copied()
    }

    /// Updates what a model takes beside steps and decoding, from a run that encoded so many texts and images.
    pub fn learn_beside(
        &mut self,
        (model, device, sampling): (&ModelEntry, &str, Sampling),
        load_ms: f64,
        (texts, images): (usize, usize),
        records: &[&Record],
    ) {
        let times = records.iter().map(|record| &record.times);
        let text_ms: f64 = times.clone().filter_map(|times| times.encode_text_ms).sum();
        let image_ms: f64 = times.filter_map(|times| times.encode_image_ms).sum();
        let beside = Beside {
            load_ms,
            text_ms: text_ms / texts.max(1) as f64,
            image_ms: image_ms / images.max(1) as f64,
        };
        self.beside.insert(key(model, device, sampling), beside);
    }

    /// Milliseconds of sheets and report with so many cells; 0 before any were made.
    pub fn views_ms(&self, cells: usize) -> f64 {
        self.views_cell_ms.unwrap_or(0.0) * cells as f64
    }

    /// Updates the time of sheets and report from those with so many cells.
    pub fn learn_views(&mut self, cells: usize, ms: f64) {
        self.views_cell_ms = Some(ms / cells.max(1) as f64);
    }

    /// Milliseconds that CLIP takes for an image on a device.
    pub fn clip_ms(&self, clip_sha256: &str, device: &str) -> Option<f64> {
        self.clip_ms.get(&clip_key(clip_sha256, device)).copied()
    }

    /// Updates CLIP's speed from the images it embedded.
    pub fn learn_clip(&mut self, clip_sha256: &str, device: &str, image_ms: Vec<f64>) {
        if let Some(ms) = median(image_ms) {
            self.clip_ms.insert(clip_key(clip_sha256, device), ms);
        }
    }

    /// Writes the timings.
    pub fn write(&self, cache: Option<&PathBuf>) {
        let Some(folder) = cache else { return };
        if let Ok(text) = serde_json::to_vec_pretty(self) {
            // Losing an estimate is not worth an error.
            let _ = make_folder(folder).and_then(|()| write_file(&folder.join(FILE), &text));
        }
    }
}

const FILE: &str = "timings.json";

fn clip_key(sha256: &str, device: &str) -> String {
    format!("{} {device}", short(sha256))
}

fn short(sha256: &str) -> &str {
    sha256.get(..16).unwrap_or(sha256)
}

fn peak_key(
    model: &ModelEntry,
    device: ExecutionDevice,
    (width, height): (u32, u32),
    memory: &str,
    batch: usize,
) -> String {
    let digest = short(&model.sha256);
    format!("{digest} {device} {width}x{height} {memory} {batch}")
}

fn key(model: &ModelEntry, device: &str, sampling: Sampling) -> String {
    let digest = short(&model.sha256);
    format!("{digest} {device} {}x{}", sampling.width, sampling.height)
}
