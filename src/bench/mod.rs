//! What one wants to know about a model and a device before a large sweep: load times, call times of each component,
//! memory.

mod components;
mod error;
mod result;
mod timing;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use components::{Bench, Shapes};
pub use error::BenchError;
pub use result::{Benchmark, CellCost, ComponentCost, MemoryCost, ROWS_A_STEP, UnetCalls};
pub use timing::Timing;
use timing::{Stop, Stopwatch};

use crate::engine::Component;
use crate::meter::Meter;
use crate::model::{ModelFolder, OnnxModel};
use crate::onnxruntime::Host;
use crate::plan::Tiling;
use crate::runner::{Place, check_limit, component_sizes, limit_bytes};
use crate::spec::{Runtime, VaeTile};

/// What to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// Width and height in pixels; `None` for the model's own.
    pub size: Option<(u32, u32)>,
    /// Numbers of rows for the UNet's calls; if empty, what suits the device.
    pub rows: Vec<usize>,
    /// Denoising steps of the cell whose time is estimated.
    pub num_inference_steps: u32,
    /// How long each call is repeated.
    pub budget: Duration,
    /// Device, threads and memory limit; the other settings have no effect.
    pub runtime: Runtime,
}

/// A stage of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Loading a component.
    Load(Component),
    /// Timing the text encoder.
    EncodeText,
    /// Timing the VAE encoder.
    EncodeImage,
    /// Timing the UNet.
    Unet {
        /// Number of rows in each call.
        rows: usize,
    },
    /// Timing the VAE decoder.
    Decode,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(component) => write!(f, "loading {}", component.folder()),
            Self::EncodeText => f.write_str("encoding a text"),
            Self::EncodeImage => f.write_str("encoding an image"),
            Self::Unet { rows: 1 } => f.write_str("unet, 1 row"),
            Self::Unet { rows } => write!(f, "unet, {rows} rows"),
            Self::Decode => f.write_str("decoding"),
        }
    }
}

/// Called with each stage before it begins.
pub type Observer<'a> = dyn FnMut(Stage) + 'a;

/// Measures the model in a folder; `None` if it was cancelled.
///
/// # Errors
/// If the model, the runtime or the device cannot be used, the model does not take the size, or a component does not
/// fit into memory by itself.
pub fn run(
    model: &Path,
    host: &Host,
    options: &Options,
    cancel: &AtomicBool,
    observer: &mut Observer,
) -> Result<Option<Benchmark>, BenchError> {
    let folder = Arc::new(ModelFolder::open(model)?);
    let file_bytes = Component::ALL.map(|component| folder.component_bytes(component));
    check_limit(&options.runtime, component_sizes(file_bytes))?;
    let (width, height) = error::checked_size(options.size, &folder)?;
    let mut notes = Vec::new();
    let place = Place::find(host, options.runtime.device, &mut notes)?;
    place.check_limit(limit_bytes(&options.runtime))?;
    let on_gpu = place.device.facts().is_gpu;
    let mut onnx = opened(&folder, &place, &options.runtime)?;
    let watch = Stopwatch {
        budget: options.budget,
        cancel,
    };
    let tiling = Tiling::new(VaeTile::Auto, width, height, folder.vae_factor());
    if let Some(tiling) = &tiling {
        notes.push(format!("the image is encoded and decoded in {tiling}"));
    }
    let shapes = shapes(&folder, (width, height), tiling);
    let rows = rows(options, on_gpu);
    let mut bench = Bench {
        model: &mut onnx,
        meter: &mut Meter::new(place.device),
        on_gpu,
        watch: &watch,
        observer,
    };
    let measured = match bench.components(shapes, file_bytes, rows) {
        Ok(measured) => measured,
        Err(Stop::Cancelled) => return Ok(None),
        Err(Stop::Failed(error)) => return Err(error.into()),
    };
    Ok(Some(Benchmark {
        model: model.display().to_string(),
        precision: folder.precision().to_owned(),
        width,
        height,
        environment: place.environment(&options.runtime),
        cell: CellCost::new(
            &measured.unet,
            &measured.decode,
            options.num_inference_steps,
        ),
        components: measured.components,
        encode_text: measured.encode_text,
        encode_image: measured.encode_image,
        unet: measured.unet,
        decode: measured.decode,
        memory: measured.memory,
        notes,
    }))
}

/// The model on its device, with nothing loaded yet.
fn opened(
    folder: &Arc<ModelFolder>,
    place: &Place,
    runtime: &Runtime,
) -> Result<OnnxModel, BenchError> {
    let model = OnnxModel::new(
        Arc::clone(folder),
        place.runtime.clone(),
        place.device,
        runtime.threads,
    )?;
    Ok(model
        .with_memory_limit(limit_bytes(runtime))
        .with_arithmetic(runtime.arithmetic))
}

/// The shapes of the model's arrays for images of this size.
fn shapes(folder: &ModelFolder, (width, height): (u32, u32), tiling: Option<Tiling>) -> Shapes {
    let latents = |side: u32| (side / folder.vae_factor()) as usize;
    Shapes {
        channels: folder.latent_channels(),
        unet_channels: folder.family().unet_channels(folder.latent_channels()),
        height: latents(height),
        width: latents(width),
        vae_factor: folder.vae_factor() as usize,
        tiling,
    }
}

/// The numbers of rows for the UNet's calls: those requested, or those that a run would use.
fn rows(options: &Options, on_gpu: bool) -> &[usize] {
    match (options.rows.as_slice(), on_gpu) {
        ([], true) => &[1, 3, 6, 12],
        ([], false) => &[1, 3],
        (rows, _) => rows,
    }
}
