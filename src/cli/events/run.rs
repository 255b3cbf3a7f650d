//! Events of runs and checks.

use ip2p_sweep::engine;
use ip2p_sweep::judge;
use ip2p_sweep::vocabulary::{ClipMeasures, Record, Status};
use schemars::JsonSchema;
use serde::Serialize;

use super::File;

/// A run has begun.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Begin {
    /// The sweep's name.
    pub name: String,
    /// Number of cells of the sweep.
    pub cells: usize,
    /// Number of cells left to do.
    pub cells_left: usize,
    /// UNet evaluations left to do, summed over cells.
    pub steps: u64,
    /// Number of cells to be measured with CLIP.
    pub measures: usize,
}

/// A stage of a chain has begun.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Stage {
    /// Its name.
    pub stage: String,
}

/// Another phase of the work has begun.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Phase {
    /// The phase.
    pub phase: PhaseName,
    /// When loading: the component.
    pub component: Option<Component>,
    /// When loading: the size of its files in bytes.
    pub bytes: Option<u64>,
}

/// A phase of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "their names say it")]
pub enum PhaseName {
    Loading,
    EncodingText,
    EncodingImage,
    Denoising,
    Decoding,
    MeasuringWithClip,
    Drawing,
    Judging,
}

/// A component of a model.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "their names say it")]
pub enum Component {
    TextEncoder,
    VaeEncoder,
    Unet,
    VaeDecoder,
}

impl From<engine::Component> for Component {
    fn from(component: engine::Component) -> Self {
        match component {
            engine::Component::TextEncoder => Self::TextEncoder,
            engine::Component::VaeEncoder => Self::VaeEncoder,
            engine::Component::Unet => Self::Unet,
            engine::Component::VaeDecoder => Self::VaeDecoder,
        }
    }
}

/// A component of the model was loaded.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Loaded {
    /// The component.
    pub component: Component,
    /// How long it took, in milliseconds.
    pub ms: f64,
}

/// Some cells took a denoising step.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Step {
    /// Keys of the cells.
    pub cells: Vec<String>,
    /// Number of steps done, from 1.
    pub step: usize,
    /// Total number of steps.
    pub steps: usize,
    /// How long the step took, in milliseconds.
    pub ms: f64,
}

/// A cell has succeeded or failed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CellEnd {
    /// The cell's key.
    pub cell: String,
    /// `done` or `failed`.
    pub status: String,
    /// Why it failed.
    pub error: Option<String>,
    /// Path of its image in the run folder.
    pub file: Option<String>,
    /// How long it took, in milliseconds.
    pub total_ms: Option<f64>,
    /// Number of UNet rows evaluated for it.
    pub unet_evals: u32,
}

impl From<&Record> for CellEnd {
    fn from(record: &Record) -> Self {
        let (status, file) = match record.status {
            Status::Done => ("done", Some(record.cell.image_path())),
            Status::Failed => ("failed", None),
        };
        Self {
            cell: record.cell.to_string(),
            status: status.to_owned(),
            error: record.error.clone(),
            file,
            total_ms: record.times.total_ms(),
            unet_evals: record.unet_evals,
        }
    }
}

/// A cell was measured with CLIP.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Measured {
    /// The cell's key.
    pub cell: String,
    /// Cosine similarity of the embeddings of input and output.
    pub clip_image_similarity: f64,
    /// Cosine similarity of the change of the image and the change of the caption.
    pub clip_direction_similarity: Option<f64>,
}

impl Measured {
    /// The event for the measures of a cell.
    pub fn of(cell: String, measures: &ClipMeasures) -> Self {
        Self {
            cell,
            clip_image_similarity: measures.clip_image_similarity,
            clip_direction_similarity: measures.clip_direction_similarity,
        }
    }
}

/// A note.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Note {
    /// The text of the note.
    pub text: String,
}

/// Something went wrong.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The file with the error, if it has a location in one.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// The program's exit code.
    pub exit_code: u8,
}

/// A cell was judged.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CellVerdict {
    /// The cell's key; for a missing cell, its image in the baseline.
    pub cell: String,
    /// Its parameters, as a label.
    pub label: String,
    /// `same`, `within`, `drift`, `missing`, `new`, `stale`, `follows`, `error` or `regression`.
    pub verdict: String,
    /// Whether it requires no action.
    pub passes: bool,
    /// Mean perceptual difference; 1 is just noticeable.
    pub perceptual_mean: Option<f64>,
    /// 99th percentile of the perceptual difference.
    pub perceptual_p99: Option<f64>,
    /// Structural similarity; 1 for equal images.
    pub ssim: Option<f64>,
    /// Mean absolute difference of all levels, out of 255.
    pub level_mean: Option<f64>,
    /// Largest absolute difference of any level, out of 255.
    pub level_max: Option<u8>,
    /// Measures that exceed their limits.
    pub beyond: Vec<Beyond>,
    /// Known differences from the conditions under which the baseline was made.
    pub causes: Vec<CellCause>,
    /// Change of the latents' statistics in the first steps, in standard deviations.
    pub latent_change: Option<f64>,
    /// Whether that change exceeds its limit.
    pub early_warning: bool,
    /// Why there is no image.
    pub error: Option<String>,
    /// Path of the baseline's image.
    pub expected: Option<String>,
    /// Path of the run's image.
    pub actual: Option<String>,
}

/// A measure that exceeds its limit.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Beyond {
    /// The key under `[check]`.
    pub measure: String,
    /// The measured value.
    pub measured: f64,
    /// The limit.
    pub limit: f64,
    /// The tolerance in the sweep file with which it would have passed.
    pub would_pass: f64,
}

/// A known difference from the conditions under which the baseline was made.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CellCause {
    /// `parameters`, `model`, `was`, `library`, `device`, `program` or `threads`.
    pub kind: String,
    /// The difference in words.
    pub text: String,
}

impl From<&judge::CellCheck> for CellVerdict {
    fn from(cell: &judge::CellCheck) -> Self {
        let difference = cell.difference.as_ref();
        let path = |path: &Option<std::path::PathBuf>| Some(path.as_ref()?.display().to_string());
        Self {
            cell: cell.name.clone(),
            label: cell.label.clone(),
            verdict: cell.verdict.to_string(),
            passes: cell.verdict.passes(),
            perceptual_mean: difference.map(|it| it.perceptual_mean),
            perceptual_p99: difference.map(|it| it.perceptual_p99),
            ssim: difference.map(|it| it.ssim),
            level_mean: difference.map(|it| it.level_mean),
            level_max: difference.map(|it| it.level_max),
            beyond: cell.excesses.iter().map(Beyond::from).collect(),
            causes: cell.causes.iter().map(CellCause::from).collect(),
            latent_change: cell.latent_change,
            early_warning: cell.early_warning,
            error: cell.error.clone(),
            expected: path(&cell.expected),
            actual: path(&cell.actual),
        }
    }
}

impl From<&judge::Excess> for Beyond {
    fn from(excess: &judge::Excess) -> Self {
        let judge::Excess {
            measure,
            measured,
            limit,
            would_pass,
        } = *excess;
        Self {
            measure: measure.to_owned(),
            measured,
            limit,
            would_pass,
        }
    }
}

impl From<&judge::Cause> for CellCause {
    fn from(cause: &judge::Cause) -> Self {
        Self {
            kind: cause.kind().to_owned(),
            text: cause.to_string(),
        }
    }
}

/// All cells were judged.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Checked {
    /// Whether every cell passes.
    pub passes: bool,
    /// The exit code that follows from the verdicts.
    pub exit_code: u8,
    /// The number of cells with each verdict; verdicts that no cell has are left out.
    pub counts: std::collections::BTreeMap<String, usize>,
    /// Known differences from the conditions of the baseline, over all cells.
    pub causes: Vec<String>,
    /// The files of the check.
    pub files: Vec<File>,
    /// The command that accepts the whole run.
    pub accept: String,
}

/// A run, check or merge has ended.
#[derive(Debug, Serialize, JsonSchema)]
pub struct End {
    /// The run folder.
    pub run: String,
    /// Whether it was stopped; running it again resumes it.
    pub stopped: bool,
    /// Number of cells with an image; null if it was stopped.
    pub done: Option<usize>,
    /// Number of cells without one; null if it was stopped.
    pub failed: Option<usize>,
    /// The shard that was run, such as `2/8`; null if it was the whole sweep.
    pub shard: Option<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Contact sheets, report and other files.
    pub files: Vec<File>,
    /// Keys of the advised cells, one for each panel.
    pub advised: Vec<String>,
}
