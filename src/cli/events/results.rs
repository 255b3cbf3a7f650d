//! Events of commands that do not run a sweep.

use ip2p_sweep::judge::Change;
use schemars::JsonSchema;
use serde::Serialize;

/// What a sweep will do and need.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Planned {
    /// The sweep's name.
    pub name: String,
    /// Cells of the sweep.
    pub cells: usize,
    /// Number of cells left to do.
    pub cells_left: usize,
    /// Its stages; most sweeps have one.
    pub stages: Vec<StagePlan>,
    /// UNet rows of all stages.
    pub unet_rows: Rows,
    /// Estimated time in seconds; null unless the model has run here before.
    pub seconds: Option<f64>,
    /// The device to which the time applies.
    pub device: Option<String>,
    /// Memory with all components loaded; null if nothing is left to do.
    pub resident_bytes: Option<f64>,
    /// Memory with one component loaded at a time.
    pub phased_bytes: Option<f64>,
    /// Number of cells to be measured with CLIP.
    pub measures: usize,
    /// The sheets of the last stage; null if there are too many cells to lay them out.
    pub sheets: Option<Vec<SheetPlan>>,
}

/// A stage of a plan.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StagePlan {
    /// Its name.
    pub name: String,
    /// Number of its cells.
    pub cells: usize,
    /// The parameters with several values, each with the number of values.
    pub axes: std::collections::BTreeMap<String, usize>,
    /// Number of its cells left to do.
    pub cells_left: usize,
    /// Its UNet rows.
    pub unet_rows: Rows,
    /// Estimated time in seconds; null unless the model has run here before.
    pub seconds: Option<f64>,
    /// Memory with all components loaded; null if nothing is left to do.
    pub resident_bytes: Option<f64>,
    /// Memory with one component loaded at a time.
    pub phased_bytes: Option<f64>,
}

/// UNet rows to evaluate, and those that are saved.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Rows {
    /// Rows to evaluate.
    pub evaluated: u64,
    /// Rows saved by sharing steps until cells diverge.
    pub shared: u64,
    /// Rows saved by skipping branches without effect.
    pub skipped: u64,
    /// Rows saved by copying cells with the same pixels.
    pub copied: u64,
}

/// A sheet that will be drawn.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SheetPlan {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Approximate size of the PNG in bytes.
    pub bytes: f64,
}

/// One of the shards of a plan.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Part {
    /// The shard, such as `2/8`.
    pub shard: String,
    /// Number of its cells.
    pub cells: usize,
    /// UNet rows.
    pub unet_rows: u64,
    /// Number of models to load.
    pub models: usize,
    /// Number of texts to encode.
    pub texts: usize,
    /// Number of images to encode.
    pub images: usize,
    /// Its cost divided by the mean of all shards.
    pub load: f64,
}

/// What accepting a cell changes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Accepting {
    /// The cell's key; for a removed cell, its image.
    pub cell: String,
    /// `add`, `add class`, `replace`, `confirm`, `repair` or `remove`.
    pub kind: String,
    /// The environment class.
    pub class: String,
    /// Mean perceptual difference from the image accepted before, if it is replaced.
    pub perceptual_mean: Option<f64>,
    /// 99th percentile of the perceptual difference.
    pub perceptual_p99: Option<f64>,
    /// Structural similarity.
    pub ssim: Option<f64>,
}

impl From<&Change> for Accepting {
    fn from(change: &Change) -> Self {
        let difference = change.difference.as_ref();
        Self {
            cell: change.cell.clone(),
            kind: change.kind.to_string(),
            class: change.class.to_string(),
            perceptual_mean: difference.map(|it| it.perceptual_mean),
            perceptual_p99: difference.map(|it| it.perceptual_p99),
            ssim: difference.map(|it| it.ssim),
        }
    }
}

/// Whether the baseline was changed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Accepted {
    /// Whether it was changed.
    pub accepted: bool,
    /// The baseline's folder.
    pub baseline: String,
    /// Number of changes.
    pub changes: usize,
    /// Number of cells that stay as they are.
    pub unchanged: usize,
    /// Number of cells without an image.
    pub left_out: usize,
}

/// Shards were merged.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Merged {
    /// Number of cells taken over from other folders.
    pub added: usize,
    /// Keys of cells that were computed more than once.
    pub repeated: Vec<String>,
    /// How many of these have different pixels.
    pub differing: usize,
    /// Number of cells that have not been computed.
    pub missing: usize,
    /// Commands that compute them.
    pub commands: Vec<String>,
}

/// Two runs were compared.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Compared {
    /// Names of the two runs.
    pub names: [String; 2],
    /// Settings that differ between the runs, each with both values.
    pub settings: std::collections::BTreeMap<String, [String; 2]>,
    /// Cells that only one run has: those of the first, those of the second.
    pub alone: [Vec<String>; 2],
    /// Number of cells that both runs have.
    pub pairs: usize,
    /// Median of the mean perceptual difference.
    pub perceptual_mean: Option<f64>,
    /// Median ratio of the second run's time to the first's.
    pub time_ratio: Option<f64>,
    /// Median ratio of the second run's memory to the first's.
    pub memory_ratio: Option<f64>,
}

/// A cell that both runs have.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ComparedCell {
    /// Its key in each run.
    pub cells: [String; 2],
    /// Its parameters, as a label.
    pub label: String,
    /// Mean perceptual difference.
    pub perceptual_mean: Option<f64>,
    /// Structural similarity.
    pub ssim: Option<f64>,
    /// Why its images were not compared.
    pub error: Option<String>,
    /// Milliseconds of denoising in each run.
    pub denoise_ms: [Option<f64>; 2],
    /// Peak memory in each run, in MiB.
    pub peak_mib: [Option<f64>; 2],
}

/// What is installed on this machine and what is missing.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Doctor {
    /// The facts, one for each thing that was checked.
    pub facts: Vec<Fact>,
    /// Whether sweeps can run.
    pub usable: bool,
    /// What to do next.
    pub next: String,
}

/// The result of checking one thing.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Fact {
    /// What was checked.
    pub topic: String,
    /// `ok`, `none`, `warning` or `missing`.
    pub state: String,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// A model was exported.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Exported {
    /// Its folder.
    pub folder: String,
    /// The line that names it in a sweep file.
    pub line: String,
}

/// ONNX Runtime is in place.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SetUp {
    /// ONNX Runtime's version.
    pub onnxruntime: String,
    /// Path of the library.
    pub path: String,
    /// Folders of the providers that were set up with it.
    pub providers: Vec<String>,
}

/// A sweep file was written.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Initialised {
    /// The file.
    pub file: String,
    /// The model that it names.
    pub model: String,
}
