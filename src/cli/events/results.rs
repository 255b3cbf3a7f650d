//! Events of the commands that run nothing.

use ip2p_sweep::judge::Change;
use schemars::JsonSchema;
use serde::Serialize;

/// What a sweep will do and take.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Planned {
    /// The sweep's name.
    pub name: String,
    /// Cells of the sweep.
    pub cells: usize,
    /// Those that are left to do.
    pub cells_left: usize,
    /// Its stages; most sweeps have one.
    pub stages: Vec<StagePlan>,
    /// UNet rows of all stages.
    pub unet_rows: Rows,
    /// How long it will take, where this model has run before.
    pub seconds: Option<f64>,
    /// The device of that time.
    pub device: Option<String>,
    /// Memory with all components at once; null if nothing is left to do.
    pub resident_bytes: Option<f64>,
    /// Memory with one component at a time.
    pub phased_bytes: Option<f64>,
    /// Cells to be measured with CLIP.
    pub measures: usize,
    /// The sheets of the last stage; none if there are too many cells to lay them out.
    pub sheets: Option<Vec<SheetPlan>>,
}

/// A stage of a plan.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StagePlan {
    /// Its name.
    pub name: String,
    /// Its cells.
    pub cells: usize,
    /// The parameters that have several values, each with the number of these.
    pub axes: std::collections::BTreeMap<String, usize>,
    /// Those of them that are left to do.
    pub cells_left: usize,
    /// UNet rows.
    pub unet_rows: Rows,
    /// How long it will take, where this model has run before.
    pub seconds: Option<f64>,
    /// Memory with all components at once; null if nothing is left to do.
    pub resident_bytes: Option<f64>,
    /// Memory with one component at a time.
    pub phased_bytes: Option<f64>,
}

/// UNet rows, and those that are saved.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Rows {
    /// What is evaluated.
    pub evaluated: u64,
    /// Saved by sharing steps until cells part.
    pub shared: u64,
    /// Saved by skipping branches without effect.
    pub skipped: u64,
    /// Saved by copying cells with the same pixels.
    pub copied: u64,
}

/// A sheet that will be drawn.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SheetPlan {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Bytes as a PNG, about.
    pub bytes: f64,
}

/// One of the shards of a plan.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Part {
    /// `2/8`.
    pub shard: String,
    /// Its cells.
    pub cells: usize,
    /// UNet rows.
    pub unet_rows: u64,
    /// Models to load.
    pub models: usize,
    /// Texts to encode.
    pub texts: usize,
    /// Images to encode.
    pub images: usize,
    /// Its cost over the mean of all shards.
    pub load: f64,
}

/// What accepting a cell changes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Accepting {
    /// The cell's key; of one that is removed, its image.
    pub cell: String,
    /// `add`, `add class`, `replace`, `confirm`, `repair` or `remove`.
    pub kind: String,
    /// The environment class.
    pub class: String,
    /// Mean of the perceptual difference to what was accepted before, where it is replaced.
    pub perceptual_mean: Option<f64>,
    /// What 99 of 100 pixels stay under.
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

/// The baseline was changed, or not.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Accepted {
    /// Whether it was changed.
    pub accepted: bool,
    /// The baseline's folder.
    pub baseline: String,
    /// Changes.
    pub changes: usize,
    /// Cells that stay as they are.
    pub unchanged: usize,
    /// Cells that have no image.
    pub left_out: usize,
}

/// Shards were brought together.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Merged {
    /// Cells that were taken over.
    pub added: usize,
    /// Cells that were computed more than once.
    pub repeated: Vec<String>,
    /// Those of them with other pixels.
    pub differing: usize,
    /// Cells that nothing has computed.
    pub missing: usize,
    /// Commands that compute them.
    pub commands: Vec<String>,
}

/// Two runs were compared.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Compared {
    /// What the two are called.
    pub names: [String; 2],
    /// Settings in which they differ, each with both values.
    pub settings: std::collections::BTreeMap<String, [String; 2]>,
    /// Cells that only one of them has.
    pub alone: [Vec<String>; 2],
    /// Cells in both.
    pub pairs: usize,
    /// Median of the mean perceptual difference.
    pub perceptual_mean: Option<f64>,
    /// Median of the time of the second over that of the first.
    pub time_ratio: Option<f64>,
    /// Median of the memory of the second over that of the first.
    pub memory_ratio: Option<f64>,
}

/// A cell that both runs have.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ComparedCell {
    /// Its keys.
    pub cells: [String; 2],
    /// Its parameters.
    pub label: String,
    /// Mean of the perceptual difference.
    pub perceptual_mean: Option<f64>,
    /// Structural similarity.
    pub ssim: Option<f64>,
    /// Why they were not compared.
    pub error: Option<String>,
    /// Milliseconds of denoising.
    pub denoise_ms: [Option<f64>; 2],
    /// Peak memory in MiB.
    pub peak_mib: [Option<f64>; 2],
}

/// What is found on this machine and what is missing.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Doctor {
    /// What was looked at.
    pub facts: Vec<Fact>,
    /// Whether sweeps run.
    pub usable: bool,
    /// What to do next.
    pub next: String,
}

/// One thing that was looked at.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Fact {
    /// What.
    pub topic: String,
    /// `ok`, `none`, `warning` or `missing`.
    pub state: String,
    /// What was found.
    pub detail: String,
    /// What to do.
    pub remedy: Option<String>,
}

/// A model was exported.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Exported {
    /// Its folder.
    pub folder: String,
    /// The line for a sweep file.
    pub line: String,
}

/// ONNX Runtime is in place.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SetUp {
    /// ONNX Runtime's version.
    pub onnxruntime: String,
    /// The library.
    pub path: String,
    /// The folders of providers that were set up beside it.
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
