//! Events of a run and of a check.

use ip2p_sweep::engine;
use ip2p_sweep::judge;
use ip2p_sweep::vocabulary::{ClipMeasures, Record, Status};
use schemars::JsonSchema;
use serde::Serialize;

use super::File;

/// A run begins.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Begin {
    /// The sweep's name.
    pub name: String,
    /// Cells of the sweep.
    pub cells: usize,
    /// Those that are left to do.
    pub cells_left: usize,
    /// UNet evaluations that are left to do, each counted for every cell.
    pub steps: u64,
    /// Cells to be measured with CLIP.
    pub measures: usize,
}

/// A stage of a chain begins.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Stage {
    /// Its name.
    pub stage: String,
}

/// Another phase of the work begins.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Phase {
    /// Which.
    pub phase: PhaseName,
    /// Of loading: the component.
    pub component: Option<Component>,
    /// Of loading: the size of its files.
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

/// A component of the model is in memory.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Loaded {
    /// Which.
    pub component: Component,
    /// Milliseconds that it took.
    pub ms: f64,
}

/// Some cells went a step further.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Step {
    /// Their keys.
    pub cells: Vec<String>,
    /// Steps done, from 1.
    pub step: usize,
    /// Steps in all.
    pub steps: usize,
    /// Milliseconds that it took.
    pub ms: f64,
}

/// A cell is finished or has failed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CellEnd {
    /// Its key.
    pub cell: String,
    /// `done` or `failed`.
    pub status: String,
    /// Why it failed.
    pub error: Option<String>,
    /// Its image, in the run folder.
    pub file: Option<String>,
    /// Milliseconds that it took.
    pub total_ms: Option<f64>,
    /// UNet rows that were evaluated for it.
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

/// CLIP has measured a cell.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Measured {
    /// Its key.
    pub cell: String,
    /// Cosine of the embeddings of input and output.
    pub clip_image_similarity: f64,
    /// Cosine of the change of the image and the change of the caption.
    pub clip_direction_similarity: Option<f64>,
}

impl Measured {
    /// What was measured of a cell.
    pub fn of(cell: String, measures: &ClipMeasures) -> Self {
        Self {
            cell,
            clip_image_similarity: measures.clip_image_similarity,
            clip_direction_similarity: measures.clip_direction_similarity,
        }
    }
}

/// Something to know.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Note {
    /// In words.
    pub text: String,
}

/// Something went wrong.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Problem {
    /// What is wrong with what.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The sweep file, where the mistake has a place in it.
    pub file: Option<String>,
    /// From 1.
    pub line: Option<usize>,
    /// In characters, from 1.
    pub column: Option<usize>,
    /// What the program exits with.
    pub exit_code: u8,
}

/// A cell was judged.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CellVerdict {
    /// Its key; of a missing cell, its image in the baseline.
    pub cell: String,
    /// Its parameters.
    pub label: String,
    /// `same`, `within`, `drift`, `missing`, `new`, `stale`, `error` or `regression`.
    pub verdict: String,
    /// Whether nothing has to be done about it.
    pub passes: bool,
    /// Mean of the perceptual difference; 1 is just noticeable.
    pub perceptual_mean: Option<f64>,
    /// What 99 of 100 pixels stay under.
    pub perceptual_p99: Option<f64>,
    /// Structural similarity, 1 for equal images.
    pub ssim: Option<f64>,
    /// Mean absolute difference of all levels, of 255.
    pub level_mean: Option<f64>,
    /// Largest absolute difference of a level, of 255.
    pub level_max: Option<u8>,
    /// What is beyond its limit.
    pub beyond: Vec<Beyond>,
    /// What differs from what the baseline was made with.
    pub causes: Vec<CellCause>,
    /// Change of the first latents, in standard deviations.
    pub latent_change: Option<f64>,
    /// Whether that is beyond its limit.
    pub early_warning: bool,
    /// Why there is no image.
    pub error: Option<String>,
    /// The baseline's image.
    pub expected: Option<String>,
    /// The run's image.
    pub actual: Option<String>,
}

/// A measure that is beyond its limit.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Beyond {
    /// The key under `[check]`.
    pub measure: String,
    /// What was measured.
    pub measured: f64,
    /// What is allowed.
    pub limit: f64,
    /// The tolerance in the sweep file that would have passed.
    pub would_pass: f64,
}

/// Something that differs from what the baseline was made with.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CellCause {
    /// `parameters`, `model`, `was`, `library`, `device`, `program` or `threads`.
    pub kind: String,
    /// In words.
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
    /// What the program exits with on account of the verdicts.
    pub exit_code: u8,
    /// How many cells have each verdict; those that none has are left out.
    pub counts: std::collections::BTreeMap<String, usize>,
    /// What differs from what the baseline was made with, over all cells.
    pub causes: Vec<String>,
    /// The files of the check.
    pub files: Vec<File>,
    /// The command that accepts all of it.
    pub accept: String,
}

/// A run, check or merge has come to its end.
#[derive(Debug, Serialize, JsonSchema)]
pub struct End {
    /// The run folder.
    pub run: String,
    /// Whether it was stopped; it goes on when it is run again.
    pub stopped: bool,
    /// Cells that have an image, unless it was stopped.
    pub done: Option<usize>,
    /// Cells that have none, unless it was stopped.
    pub failed: Option<usize>,
    /// The part that was run, `2/8`; none if it was the whole.
    pub shard: Option<String>,
    /// Seconds that it took.
    pub seconds: f64,
    /// Contact sheets, report and the like.
    pub files: Vec<File>,
    /// The advised cell of each panel.
    pub advised: Vec<String>,
}
