//! What a chain asks of its models, counted with a fake model: each image of each stage is computed once.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ip2p_sweep::engine::{Component, Denoiser, Texts};
use ip2p_sweep::model::ModelError;
use ip2p_sweep::model::clip::ClipModel;
use ip2p_sweep::plan::{Schedule, Shard};
use ip2p_sweep::runner::{Backend, Clip, Execution, Model, Outcome, RunnerError, prepare};
use ip2p_sweep::spec::Runtime;
use ip2p_sweep::store::Environment;
use ip2p_sweep::vocabulary::ExecutionDevice;
use ndarray::{Array3, Array4, ArrayView4};
use serde_json::Value;

use crate::common::golden;

/// The number of calls of all models.
#[derive(Debug, Default)]
struct Counts {
    unet_rows: AtomicU64,
    encoded: AtomicU64,
    decoded: AtomicU64,
    loads: AtomicU64,
}

impl Counts {
    fn all(&self) -> [u64; 4] {
        [&self.unet_rows, &self.encoded, &self.decoded, &self.loads]
            .map(|count| count.load(Ordering::Relaxed))
    }
}

/// A model of simple arithmetic, with latents that are smaller by 4.
struct Fake {
    counts: Arc<Counts>,
    loaded: Vec<Component>,
}

fn count(count: &AtomicU64, more: usize) {
    count.fetch_add(more as u64, Ordering::Relaxed);
}

impl Denoiser for Fake {
    type Error = ModelError;

    fn is_loaded(&self, component: Component) -> bool {
        self.loaded.contains(&component)
    }

    fn load(&mut self, component: Component) -> Result<(), ModelError> {
        count(&self.counts.loads, 1);
        self.loaded.push(component);
        Ok(())
    }

    fn unload(&mut self, component: Component) {
        self.loaded.retain(|&loaded| loaded != component);
    }

    fn encode_text(&mut self, text: &str) -> Result<Array3<f32>, ModelError> {
        let value = text.bytes().map(f32::from).sum::<f32>() / 1000.0;
        Ok(Array3::from_elem((1, 2, 3), value))
    }

    fn encode_image(&mut self, pixels: ArrayView4<f32>) -> Result<Array4<f32>, ModelError> {
        count(&self.counts.encoded, 1);
        let (_, _, height, width) = pixels.dim();
        Ok(Array4::from_elem(
            (1, 8, height / 4, width / 4),
            pixels.mean().unwrap(),
        ))
    }

    fn predict(
        &mut self,
        sample: ArrayView4<f32>,
        timestep: f32,
        texts: Texts,
        prediction: &mut Array4<f32>,
    ) -> Result<(), ModelError> {
        let (rows, _, height, width) = sample.dim();
        count(&self.counts.unet_rows, rows);
        *prediction = Array4::from_shape_fn((rows, 4, height, width), |(row, channel, y, x)| {
            sample[(row, channel, y, x)] * 0.5 + texts.values[(row, 0, 0)] + timestep / 10_000.0
        });
        Ok(())
    }

    fn decode(&mut self, latents: ArrayView4<f32>) -> Result<Array4<f32>, ModelError> {
        count(&self.counts.decoded, 1);
        let (_, _, height, width) = latents.dim();
        Ok(Array4::from_shape_fn(
            (1, 3, height * 4, width * 4),
            |(_, channel, y, x)| latents[(0, channel, y / 4, x / 4)].tanh(),
        ))
    }
}

/// Puts the fake in ONNX Runtime's place.
struct Fakes(Arc<Counts>);

impl Backend for Fakes {
    type Model = Fake;

    fn device(&self) -> ExecutionDevice {
        ExecutionDevice::Cpu
    }

    fn environment(&self, runtime: &Runtime) -> Environment {
        Environment {
            ip2p: "0.1.0".into(),
            onnxruntime: "none".into(),
            device: "cpu".into(),
            device_name: None,
            provider: "none".into(),
            os: "none".into(),
            cpu: None,
            threads: runtime.threads,
            arithmetic: None,
            started: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn open(&self, _model: &Model, _runtime: &Runtime) -> Result<Fake, RunnerError> {
        Ok(Fake {
            counts: Arc::clone(&self.0),
            loaded: Vec::new(),
        })
    }

    fn open_clip(&self, _clip: &Clip, _runtime: &Runtime) -> Result<ClipModel, RunnerError> {
        panic!("the sweep asks for no CLIP")
    }
}

/// Runs a sweep on fakes; returns the number of calls, and the rows that were forecast.
fn run(folder: &Path, name: &str, text: &str) -> ([u64; 4], u64) {
    let file = folder.join(format!("{name}.toml"));
    fs::write(&file, text).unwrap();
    let prepared = prepare(&file, Default::default()).unwrap();
    let cells: Vec<usize> = (0..prepared.plan.cells.len()).collect();
    let rows = Schedule::new(&prepared.plan, &cells).unet_rows(prepared.evaluation_steps());
    let counts = Arc::new(Counts::default());
    let out = folder.join(name);
    let find = |_: &mut Vec<String>| Ok(Fakes(Arc::clone(&counts)));
    let execution = Execution::open_with(&prepared, &out, None, Shard::WHOLE, find).unwrap();
    let executed = execution.run(&AtomicBool::new(false), &mut |_| ()).unwrap();
    let done = prepared.plan.cells.len();
    assert_eq!(executed.outcome, Outcome::Complete { done, failed: 0 });
    (counts.all(), rows.evaluated)
}

/// Images with these seeds, each edited by these instructions, and each edit repainted by these prompts.
fn chain(seeds: &str, edits: &str, repaints: &str) -> String {
    let path = |name: &str| Value::from(golden().join(name).to_str().unwrap()).to_string();
    format!(
        "model = {}\n[sweep]\nprompt = \"a cottage\"\nseed = {seeds}\nnum_inference_steps = 5\nscheduler = \"euler\"\n\
         [size]\nfit = \"exact\"\nwidth = 48\nheight = 32\n[runtime]\nmemory = \"resident\"\n\
         [[then]]\nmodel = {}\ninstruction = {edits}\nnum_inference_steps = 5\nscheduler = \"euler\"\n\
         [[then]]\nmodel = {}\nprompt = {repaints}\nmask = {}\nnum_inference_steps = 5\nscheduler = \"euler\"\n",
        path("tiny_generate"),
        path("tiny_eps"),
        path("tiny_inpaint"),
        path("masks/source/same_l.png"),
    )
}

#[test]
fn a_chain_computes_each_image_once_and_saves_what_starting_anew_would_repeat() {
    let folder = tempfile::tempdir().unwrap();
    let edits: Vec<String> = (0..4).map(|edit| format!("\"edit {edit}\"")).collect();
    let repaints: Vec<String> = (0..3)
        .map(|repaint| format!("\"repaint {repaint}\""))
        .collect();
    let list = |values: &[String]| format!("[{}]", values.join(", "));
    let whole = chain("[1, 2, 3, 4]", &list(&edits), &list(&repaints));
    let ([rows, encoded, decoded, _], forecast) = run(folder.path(), "whole", &whole);
    assert_eq!(rows, forecast);
    assert_eq!(decoded, 4 + 4 * 4 + 4 * 4 * 3, "each image once");
    // Each generated image is encoded once for editing, and each edit once, with its hole, for repainting.
    assert_eq!(encoded, 4 + 4 * 4);
    let mut anew = 0;
    for seed in 1..=4 {
        for edit in &edits {
            for repaint in &repaints {
                let path = chain(&seed.to_string(), edit, repaint);
                let name = format!("{seed}-{}-{}", anew, edit.len());
                let ([rows, ..], forecast) = run(folder.path(), &name, &path);
                assert_eq!(rows, forecast);
                anew += rows;
            }
        }
    }
    println!("4 images x 4 edits x 3 repaints: {rows} UNet rows, from the start each time {anew}");
    // If cells did not share first steps, each image would cost 5 steps of 2, 3 and 2 rows.
    assert_eq!(anew, 48 * 5 * (2 + 3 + 2));
    assert!(rows <= 5 * (4 * 2 + 16 * 3 + 48 * 2));
}
