//! What was measured for a cell: one row of `cells.csv`, one line of the journal.

use ndarray::{ArrayView4, Axis};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{CellKey, Word};
use crate::digest::Sha256Sum;

/// What the journal says about a finished or failed cell. Times are in milliseconds, memory in MiB; what was not
/// measured is `None`, never 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The cell.
    pub cell: CellKey,
    /// Whether it succeeded.
    pub status: Status,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its image file as written; `None` if an earlier version wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<ImageFile>,
    /// Set if another process had already put the cell's image in place; that image was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<Race>,
    /// When the cell ended, UTC.
    pub finished: jiff::Timestamp,
    /// `cpu`, or `cuda:0` and the like.
    pub device: Word,
    /// `fp32` or `fp16`.
    pub precision: Word,
    /// Number of cells denoised together with it, itself included.
    pub batch_size: u32,
    /// UNet rows evaluated for it; a shared row counts for the first cell that needed it.
    pub unet_evals: u32,
    /// Time spent in each stage.
    pub times: StageTimes,
    /// `resident` or `phased`: whether all components were in memory at once or one after another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Word>,
    /// Peak of device memory while its batch was denoised, while it was decoded, and while inputs that it was the first
    /// cell to need were encoded. Read from an arena, the peak counts from when the component at work was loaded.
    pub vram_peak_mib: Option<f64>,
    /// Where that was read: `ort-arena` or, if ONNX Runtime does not report it, the same as `vram_device_source`.
    pub vram_source: Option<Word>,
    /// The same peak as NVIDIA's management library sees it, including CUDA's own memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vram_device_mib: Option<f64>,
    /// What that peak counts: `nvml-process`, or `nvml-device-rise` if processes cannot be told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vram_device_source: Option<Word>,
    /// Peak of the process's resident memory during the same work.
    pub rss_peak_mib: Option<f64>,
    /// SHA-256 over the pixels of the input, if the input is another cell's image: other pixels would make it a
    /// different cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_pixels_sha256: Option<String>,
    /// Mean absolute difference from the fitted input over 255 levels, 0 to 1.
    pub image_change: Option<f64>,
    /// Further measures against the fitted input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<Measures>,
    /// The same measures inside and outside its mask, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<Box<MaskedMeasures>>,
    /// Measures with CLIP, taken after all cells were done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<Box<ClipMeasures>>,
    /// Statistics of the latents after its first two steps: an early warning when the images hide that the numbers
    /// changed.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub first_latents: Box<[LatentStatistics]>,
    /// The denoising steps of its batch; only the first cell of a batch has them.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub steps: Box<[StepRecord]>,
}

/// How the image compares with one that another process had put in place first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Race {
    /// The same pixels.
    SamePixels,
    /// Other pixels; this cell's were discarded.
    OtherPixels,
}

/// The content of a file, so that another file in its place is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFile {
    /// Its length in bytes.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Sha256Sum,
}

impl Record {
    /// The record of a cell for which nothing has been measured yet.
    pub fn new(cell: CellKey, device: &str, precision: &str) -> Self {
        Self {
            cell,
            status: Status::Done,
            error: None,
            file: None,
            race: None,
            finished: jiff::Timestamp::UNIX_EPOCH,
            device: device.into(),
            precision: precision.into(),
            batch_size: 1,
            unet_evals: 0,
            times: StageTimes::default(),
            memory: None,
            vram_peak_mib: None,
            vram_source: None,
            vram_device_mib: None,
            vram_device_source: None,
            rss_peak_mib: None,
            input_pixels_sha256: None,
            image_change: None,
            measures: None,
            masked: None,
            clip: None,
            first_latents: Box::default(),
            steps: Box::default(),
        }
    }
}

/// How an output differs from its fitted input ([`crate::judge::measures`]), whatever the instruction was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Mean structural similarity of the luma: 1 for equal images, -1 at the least.
    pub ssim: f64,
    /// Change of the mean saturation (largest minus smallest channel of a pixel) as a share of full scale, -1 to 1.
    pub saturation_change: f64,
    /// Change of the RMS contrast (standard deviation of the luma) as a share of full scale, -0.5 to 0.5.
    pub contrast_change: f64,
}

/// How an output differs from its fitted input inside and outside its mask. A part without pixels, or without a whole
/// window, has no measures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MaskedMeasures {
    /// Mean absolute difference where the mask is 128 or more, over 255 levels, 0 to 1.
    pub change_inside: Option<f64>,
    /// Mean structural similarity of the windows centred where the mask is 128 or more.
    pub ssim_inside: Option<f64>,
    /// The mean absolute difference outside the mask.
    pub change_outside: Option<f64>,
    /// The mean structural similarity outside the mask.
    pub ssim_outside: Option<f64>,
}

/// How an output differs from its fitted input according to CLIP ([`crate::judge::clip`]), and what this was measured
/// with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClipMeasures {
    /// Cosine similarity of the embeddings of input and output: 1 for equal images, -1 at the least.
    pub clip_image_similarity: f64,
    /// Cosine similarity of the change between the images and the change between the captions, -1 to 1; needs captions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_direction_similarity: Option<f64>,
    /// SHA-256 of the CLIP folder, in hexadecimal.
    pub clip_sha256: String,
    /// The captions used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captions: Option<EditCaptions>,
}

/// Captions of the images before and after an edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditCaptions {
    /// Caption of the input.
    pub caption_before: String,
    /// Caption of the output as it should be.
    pub caption_after: String,
}

impl ClipMeasures {
    /// Whether measuring with this CLIP folder and these captions would give the same values.
    pub fn was_made_with(&self, clip_sha256: &str, captions: &Option<EditCaptions>) -> bool {
        self.clip_sha256 == clip_sha256 && self.captions == *captions
    }
}

/// Statistics of latents (1, channels, h, w).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatentStatistics {
    /// Mean of every channel.
    pub mean: OfChannels,
    /// Standard deviation of every channel.
    pub deviation: OfChannels,
}

/// A value of every channel of latents, of which there are usually four.
pub type OfChannels = SmallVec<[f64; 4]>;

impl LatentStatistics {
    /// How many of a cell's first steps have their latents' statistics kept.
    pub const STEPS: usize = 2;

    /// The statistics of latents (1, channels, h, w).
    pub fn of(latents: ArrayView4<f32>) -> Self {
        let channels = latents.axis_iter(Axis(1)).map(|channel| {
            let channel = channel.mapv(f64::from);
            let mean = channel.mean().unwrap_or_default();
            let variance = channel.mapv(|value| (value - mean).powi(2)).mean();
            (mean, variance.unwrap_or_default().sqrt())
        });
        let (mean, deviation) = channels.unzip();
        Self { mean, deviation }
    }
}

/// Whether a cell succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Its image has been written.
    Done,
    /// It has no image; `error` says why.
    Failed,
}

/// Milliseconds that a cell spent in each stage. Shared work counts for the first cell that needed it and is `None` for
/// the others.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct StageTimes {
    /// Text encoder.
    pub encode_text_ms: Option<f64>,
    /// VAE encoder, including reading the input.
    pub encode_image_ms: Option<f64>,
    /// All denoising steps: the cell's share of its batch's time.
    pub denoise_ms: Option<f64>,
    /// VAE decoder.
    pub decode_ms: Option<f64>,
    /// Encoding and writing the PNG, which runs beside inference.
    pub save_ms: Option<f64>,
}

impl StageTimes {
    /// The sum of what was measured; `None` if nothing was.
    pub fn total_ms(&self) -> Option<f64> {
        [
            self.encode_text_ms,
            self.encode_image_ms,
            self.denoise_ms,
            self.decode_ms,
            self.save_ms,
        ]
        .into_iter()
        .flatten()
        .reduce(|sum, ms| sum + ms)
    }
}

/// One denoising step of a batch: a row of `steps.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Index of the step, from 0.
    pub step: u32,
    /// The timestep given to the UNet.
    pub timestep: f64,
    /// Noise level before the step; `None` where the scheduler has no sigmas.
    pub sigma: Option<f64>,
    /// UNet rows evaluated.
    pub unet_rows: u32,
    /// Wall time of the UNet calls, in milliseconds.
    pub unet_ms: f64,
    /// Wall time of the whole step, in milliseconds.
    pub step_ms: f64,
    /// Device memory in MiB: the peak so far if ONNX Runtime's arenas report it, otherwise the use after the step.
    pub vram_mib: Option<f64>,
    /// Resident memory after the step, in MiB.
    pub rss_mib: Option<f64>,
}
