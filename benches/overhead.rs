//! How much of a run is spent outside ONNX Runtime's calls.
//!
//!     cargo bench --bench overhead [-- SWEEP.toml [REPEATS]]
//!
//! Runs a sweep (by default the demo's) through the same [`Execution`] as `ip2p run`, into a temporary folder, and
//! compares the time of ONNX Runtime's own calls with that of the stages (encoding, denoising, decoding, as recorded
//! for the cells) and with that of the whole execution without loading, including its last table. PNGs are encoded and
//! written beside inference. Other work on the machine distorts both.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and one that cannot go on fails"
)]

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use ip2p_sweep::engine::{self, Component, Denoiser, Headroom, Texts};
use ip2p_sweep::model::clip::ClipModel;
use ip2p_sweep::model::{ModelError, OnnxModel};
use ip2p_sweep::onnxruntime::{ExecutionDevice, Host};
use ip2p_sweep::plan::Shard;
use ip2p_sweep::runner::{Backend, Clip, Event, Execution, Model, Place, RunnerError, prepare};
use ip2p_sweep::spec::{Runtime, RuntimeOverrides};
use ip2p_sweep::store::Environment;
use ip2p_sweep::vocabulary::StageTimes;
use ndarray::{Array3, Array4, ArrayView4};

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let demo = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/sweeps/demo.toml"));
    let sweep = arguments.next().map_or(demo, PathBuf::from);
    let repeats: usize = arguments
        .next()
        .map_or(3, |repeats| repeats.parse().unwrap());
    println!(
        "| stages, s | ONNX Runtime, s | outside | execution, s | outside |\n|---|---|---|---|---|"
    );
    for _ in 0..repeats {
        let [stages, calls, execution] = seconds(&sweep);
        let outside = |whole: f64| format!("{:.2} %", 100.0 * (1.0 - calls / whole));
        println!(
            "| {stages:.2} | {calls:.2} | {} | {execution:.2} | {} |",
            outside(stages),
            outside(execution)
        );
    }
}

/// Seconds spent in the stages, in ONNX Runtime's calls within them, and in the whole execution without loading.
fn seconds(sweep: &Path) -> [f64; 3] {
    let folder = tempfile::tempdir().unwrap();
    let prepared = prepare(sweep, RuntimeOverrides::default()).unwrap();
    let host = Host::current(None);
    let device = prepared.spec.runtime.device;
    let called_ms = Rc::new(Cell::new(0.0));
    let find = |notes: &mut Vec<String>| {
        let place = Place::find(&host, device, notes)?;
        Ok(Watched(place, Rc::clone(&called_ms)))
    };
    let execution =
        Execution::open_with(&prepared, folder.path(), None, Shard::WHOLE, find).unwrap();
    let begun = Instant::now();
    let mut loading_ms = 0.0;
    let mut observe = |event: &Event| {
        if let Event::Engine(engine::Event::Loaded { ms, .. }) = event {
            loading_ms += ms;
        }
    };
    let executed = execution
        .run(&AtomicBool::new(false), &mut observe)
        .unwrap();
    let execution_ms = begun.elapsed().as_secs_f64() * 1e3 - loading_ms;
    let stages = executed.run.records.values().map(|record| {
        let inference = StageTimes {
            save_ms: None,
            ..record.times
        };
        inference.total_ms().unwrap_or_default()
    });
    [stages.sum(), called_ms.get(), execution_ms].map(|ms: f64| ms / 1e3)
}

/// ONNX Runtime with its calls timed.
struct Watched(Place, Rc<Cell<f64>>);

impl Backend for Watched {
    type Model = WatchedModel;

    fn device(&self) -> ExecutionDevice {
        self.0.device()
    }

    fn environment(&self, runtime: &Runtime) -> Environment {
        self.0.environment(runtime)
    }

    fn open(&self, model: &Model, runtime: &Runtime) -> Result<WatchedModel, RunnerError> {
        Ok(WatchedModel {
            model: self.0.open(model, runtime)?,
            earlier_ms: self.1.get(),
            called_ms: Rc::clone(&self.1),
        })
    }

    fn open_clip(&self, clip: &Clip, runtime: &Runtime) -> Result<ClipModel, RunnerError> {
        self.0.open_clip(clip, runtime)
    }
}

struct WatchedModel {
    model: OnnxModel,
    /// Milliseconds of the models before this one.
    earlier_ms: f64,
    called_ms: Rc<Cell<f64>>,
}

impl WatchedModel {
    fn watch<T>(&mut self, call: impl FnOnce(&mut OnnxModel) -> T) -> T {
        let result = call(&mut self.model);
        self.called_ms.set(self.earlier_ms + self.model.called_ms());
        result
    }
}

impl Denoiser for WatchedModel {
    type Error = ModelError;

    fn is_loaded(&self, component: Component) -> bool {
        self.model.is_loaded(component)
    }

    fn load(&mut self, component: Component) -> Result<(), ModelError> {
        self.model.load(component)
    }

    fn unload(&mut self, component: Component) {
        self.model.unload(component);
    }

    fn arena_peak_bytes(&self) -> Option<u64> {
        self.model.arena_peak_bytes()
    }

    fn headroom(&self, component: Component) -> Option<Headroom> {
        self.model.headroom(component)
    }

    fn encode_text(&mut self, text: &str) -> Result<Array3<f32>, ModelError> {
        self.watch(|model| model.encode_text(text))
    }

    fn encode_image(&mut self, pixels: ArrayView4<f32>) -> Result<Array4<f32>, ModelError> {
        self.watch(|model| model.encode_image(pixels))
    }

    fn predict(
        &mut self,
        sample: ArrayView4<f32>,
        timestep: f32,
        texts: Texts,
        prediction: &mut Array4<f32>,
    ) -> Result<(), ModelError> {
        self.watch(|model| model.predict(sample, timestep, texts, prediction))
    }

    fn decode(&mut self, latents: ArrayView4<f32>) -> Result<Array4<f32>, ModelError> {
        self.watch(|model| model.decode(latents))
    }
}
