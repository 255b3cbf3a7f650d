//! What was measured for a cell: one row of `cells.csv`, one line of the journal.

use ndarray::{ArrayView4, Axis};
use serde::{Deserialize, Serialize};

use super::CellKey;

/// What the journal says of a finished or failed cell. Times in milliseconds, memory in MiB;
/// what was not measured is `None`, never 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Which cell.
    pub cell: CellKey,
    /// How it ended.
    pub status: Status,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its image as it was written, unless an earlier version wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<ImageFile>,
    /// Set where another process had put the cell's image in place, which was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<Race>,
    /// When it ended, UTC.
    pub finished: jiff::Timestamp,
    /// `cpu`, or `cuda:0` and the like.
    pub device: String,
    /// `fp32` or `fp16`.
    pub precision: String,
    /// Cells denoised together with it, itself included.
    pub batch_size: u32,
    /// UNet rows evaluated for it; a shared one counts for the first cell that needed it.
    pub unet_evals: u32,
    /// Stage times.
    pub times: StageTimes,
    /// `resident` or `phased`: how many components were in memory at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// Peak of device memory while its batch was denoised, while it was decoded, and while what it is the first cell
    /// to need was encoded; from an arena, since the component at work was loaded.
    pub vram_peak_mib: Option<f64>,
    /// Where that was read: `ort-arena`, or where ONNX Runtime does not say, as `vram_device_source`.
    pub vram_source: Option<String>,
    /// The same peak as NVIDIA's management library sees it, CUDA's own memory included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vram_device_mib: Option<f64>,
    /// What that counts: `nvml-process`, or `nvml-device-rise` where processes cannot be told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vram_device_source: Option<String>,
    /// Peak of the process's resident memory meanwhile.
    pub rss_peak_mib: Option<f64>,
    /// SHA-256 over the pixels of the input, where that is another cell's image: with other pixels the cell would be
    /// another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_pixels_sha256: Option<String>,
    /// Mean absolute difference to the fitted input, of 255 levels, 0 to 1.
    pub image_change: Option<f64>,
    /// What else was measured against the fitted input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<Measures>,
    /// The same inside and outside of its mask, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<MaskedMeasures>,
    /// What was measured with CLIP, after all cells were done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<ClipMeasures>,
    /// The latents after its first two steps: an early warning where the image hides what changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_latents: Vec<LatentStatistics>,
    /// The denoising steps of its batch; empty for all but the batch's first cell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRecord>,
}

/// How an image compares with the one that another process put in place first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Race {
    /// The same pixels.
    SamePixels,
    /// Other pixels, which are not kept.
    OtherPixels,
}

/// What a file holds, so that another file in its place is not taken for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFile {
    /// Its length.
    pub bytes: u64,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
}

impl Record {
    /// A cell of which nothing is measured yet.
    pub fn new(cell: CellKey, device: &str, precision: &str) -> Self {
        Self {
            cell,
            status: Status::Done,
            error: None,
            file: None,
            race: None,
            finished: jiff::Timestamp::UNIX_EPOCH,
            device: device.to_owned(),
            precision: precision.to_owned(),
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
            first_latents: Vec::new(),
            steps: Vec::new(),
        }
    }
}

/// How an output differs from its fitted input ([`crate::judge::measures`]). It knows nothing of the
/// instruction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Mean structural similarity of the luma, 1 for equal images, down to -1.
    pub ssim: f64,
    /// Change of the mean saturation (largest minus smallest level of a pixel), of full scale, -1 to 1.
    pub saturation_change: f64,
    /// Change of the RMS contrast (standard deviation of the luma), of full scale, -0.5 to 0.5.
    pub contrast_change: f64,
}

/// How the parts of an output inside and outside of its mask differ from its fitted input. What has no pixels, or no whole
/// window, is not measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MaskedMeasures {
    /// Mean absolute difference where the mask is 128 and above, of 255 levels, 0 to 1.
    pub change_inside: Option<f64>,
    /// Mean structural similarity of the windows whose middle lies there.
    pub ssim_inside: Option<f64>,
    /// The change elsewhere.
    pub change_outside: Option<f64>,
    /// The similarity elsewhere.
    pub ssim_outside: Option<f64>,
}

/// How an output differs from its fitted input as CLIP sees it ([`crate::judge::clip`]), and what it was measured
/// with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClipMeasures {
    /// Cosine of the embeddings of input and output, 1 for equal images, down to -1.
    pub clip_image_similarity: f64,
    /// Cosine of the change of the image and the change of the caption, -1 to 1; needs captions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_direction_similarity: Option<f64>,
    /// SHA-256 of the CLIP folder, in hexadecimal.
    pub clip_sha256: String,
    /// The captions of the edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captions: Option<EditCaptions>,
}

/// What the images of an edit show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditCaptions {
    /// The input.
    pub caption_before: String,
    /// The output, as it should be.
    pub caption_after: String,
}

impl ClipMeasures {
    /// Whether measuring with this CLIP folder and these captions would give the same.
    pub fn was_made_with(&self, clip_sha256: &str, captions: &Option<EditCaptions>) -> bool {
        self.clip_sha256 == clip_sha256 && self.captions == *captions
    }
}

/// What is kept of latents (1, channels, h, w).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatentStatistics {
    /// Mean of every channel.
    pub mean: Vec<f64>,
    /// Standard deviation of every channel.
    pub deviation: Vec<f64>,
}

impl LatentStatistics {
    /// Steps of a cell whose latents are kept.
    pub const STEPS: usize = 2;

    /// The statistics of latents (1, channels, h, w).
    pub fn of(latents: ArrayView4<f32>) -> Self {
        let channels = || {
            latents
                .axis_iter(Axis(1))
                .map(|channel| channel.mapv(f64::from))
        };
        Self {
            mean: channels()
                .map(|channel| channel.mean().unwrap_or_default())
                .collect(),
            deviation: channels().map(|channel| channel.std(0.0)).collect(),
        }
    }
}

/// How a cell ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Its image is there.
    Done,
    /// It has no image; the error says why.
    Failed,
}

/// Milliseconds a cell spent in each stage; shared work counts for the first cell that needed it,
/// and is `None` for the others.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct StageTimes {
    /// Text encoder.
    pub encode_text_ms: Option<f64>,
    /// VAE encoder, reading the input included.
    pub encode_image_ms: Option<f64>,
    /// All steps; of a batch, its share.
    pub denoise_ms: Option<f64>,
    /// VAE decoder.
    pub decode_ms: Option<f64>,
    /// PNG coding and writing, beside the inference.
    pub save_ms: Option<f64>,
}

impl StageTimes {
    /// The sum of what was measured, or `None` if nothing was.
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
    /// From 0.
    pub step: u32,
    /// The timestep given to the UNet.
    pub timestep: f64,
    /// Noise level before the step, where the scheduler has one.
    pub sigma: Option<f64>,
    /// Rows evaluated.
    pub unet_rows: u32,
    /// Wall time of the UNet calls.
    pub unet_ms: f64,
    /// Wall time of the whole step.
    pub step_ms: f64,
    /// Device memory: its peak so far where ONNX Runtime's arenas say it, else what is in use after it.
    pub vram_mib: Option<f64>,
    /// Resident memory after it.
    pub rss_mib: Option<f64>,
}
