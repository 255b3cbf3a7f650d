//! The time that the denoising loop itself takes while a GPU would wait: measured with a device that takes no time.
//!
//!     cargo bench --bench host [-- REPEATS]
//!
//! The grid has 5 x 5 scales and 4 seeds, 20 steps, latents of 64 x 64 and texts of 77 x 768, as the real model has at
//! 512 x 512. Besides the time it prints the UNet calls, their rows and how many of these are padding, for guidance at
//! all steps and from 0.2 to 0.8 of them. Images are small and grey, so that decoding takes little time.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and one that cannot go on fails"
)]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use ip2p_sweep::diffusion::SchedulerConfig;
use ip2p_sweep::engine::{
    self, Component, Denoiser, DeviceMemory, Event, InputFiles, Job, Masks, MemoryShelf, Policy,
    Texts,
};
use ip2p_sweep::meter::Meter;
use ip2p_sweep::pipeline::Masking;
use ip2p_sweep::plan::Schedule;
use ip2p_sweep::runner::prepare;
use ip2p_sweep::spec::RuntimeOverrides;
use ip2p_sweep::vocabulary::ExecutionDevice;
use ndarray::{Array3, Array4, ArrayView4};

const SIDE: u32 = 64;
const VAE_FACTOR: u32 = 4;
const SCHEDULER: &str = r#"{"_class_name": "EulerAncestralDiscreteScheduler", "beta_schedule": "scaled_linear",
    "beta_start": 0.00085, "beta_end": 0.012, "prediction_type": "epsilon"}"#;
/// The policy of a GPU with room for 64 rows a call.
const POLICY: Policy = Policy {
    phased: false,
    batch: 64,
    unet_rows: 64,
    calls: 5,
    pad: true,
    probe: false,
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let repeats = arguments.find_map(|argument| argument.parse().ok());
    println!("| guidance | host, s | calls | rows | padded |\n|---|---|---|---|---|");
    for (name, interval) in [
        ("all steps", ""),
        ("0.2 to 0.8", "guidance_start = 0.2\nguidance_end = 0.8\n"),
    ] {
        for _ in 0..repeats.unwrap_or(3) {
            let (seconds, device) = run(interval);
            let rows = device.rows;
            let padded = 100.0 * (rows - device.asked) as f64 / rows as f64;
            println!(
                "| {name} | {seconds:.2} | {} | {rows} | {padded:.1} % |",
                device.calls
            );
        }
    }
}

/// A device that takes no time.
#[derive(Default)]
struct Nothing {
    loaded: Vec<Component>,
    calls: usize,
    rows: usize,
    /// Number of rows that cells asked for.
    asked: usize,
}

fn run(interval: &str) -> (f64, Nothing) {
    let folder = tempfile::tempdir().unwrap();
    let sweep = sweep(folder.path(), interval);
    let prepared = prepare(&sweep, RuntimeOverrides::default()).unwrap();
    let plan = &prepared.plan;
    let all: Vec<usize> = (0..plan.cells.len()).collect();
    let schedule = Schedule::new(plan, &all);
    let image = folder.path().join("in.png");
    let inputs: InputFiles = plan
        .inputs_of(all)
        .into_iter()
        .map(|input| (input, Ok(image.clone())))
        .collect();
    let job = Job {
        plan,
        work: &schedule.models[0],
        inputs: &inputs,
        masks: &Masks::default(),
        masking: Masking::default(),
        latent_channels: 4,
        vae_factor: VAE_FACTOR,
        scaling_factor: 0.18215,
        scheduler_config: &SchedulerConfig::parse(SCHEDULER).unwrap(),
        device: ExecutionDevice::Cpu,
        precision: "fp16",
        memory_limit_mib: None,
    };
    let mut device = Nothing::default();
    let mut asked = 0;
    let mut observe = |event: Event| {
        if let Event::Finished { record, .. } = event {
            asked += record.unet_evals as usize;
        }
        ControlFlow::Continue(())
    };
    let begun = Instant::now();
    engine::run(
        job,
        &mut device,
        POLICY,
        &mut MemoryShelf::default(),
        &mut Meter::new(ExecutionDevice::Cpu),
        &AtomicBool::new(false),
        &mut observe,
    )
    .unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    device.asked = asked;
    (seconds, device)
}

/// Writes a sweep file into a folder, beside its image.
fn sweep(folder: &Path, interval: &str) -> std::path::PathBuf {
    let side = SIDE * VAE_FACTOR;
    image::RgbImage::new(side, side)
        .save(folder.join("in.png"))
        .unwrap();
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/onnx/demo");
    let text = format!(
        "model = {model:?}\n\
         [sweep]\n\
         image = \"in.png\"\n\
         instruction = \"make it winter\"\n\
         guidance_scale = {{ from = 3.0, to = 9.0, step = 1.5 }}\n\
         image_guidance_scale = {{ from = 1.0, to = 2.0, step = 0.25 }}\n\
         seed = {{ from = 1, count = 4 }}\n\
         num_inference_steps = 20\n\
         {interval}\
         [size]\n\
         resolution = {side}\n"
    );
    let path = folder.join("grid.toml");
    fs::write(&path, text).unwrap();
    path
}

#[derive(Debug, thiserror::Error)]
#[error("this device does not fail")]
struct Never;

impl DeviceMemory for Never {
    fn is_out_of_memory(&self) -> bool {
        false
    }
}

impl Denoiser for Nothing {
    type Error = Never;

    fn is_loaded(&self, component: Component) -> bool {
        self.loaded.contains(&component)
    }

    fn load(&mut self, component: Component) -> Result<(), Never> {
        self.loaded.push(component);
        Ok(())
    }

    fn unload(&mut self, component: Component) {
        self.loaded.retain(|&loaded| loaded != component);
    }

    fn encode_text(&mut self, text: &str) -> Result<Array3<f32>, Never> {
        Ok(Array3::from_elem((1, 77, 768), text.len() as f32 / 100.0))
    }

    fn encode_image(&mut self, pixels: ArrayView4<f32>) -> Result<Array4<f32>, Never> {
        let (_, _, height, width) = pixels.dim();
        let factor = VAE_FACTOR as usize;
        Ok(Array4::zeros((1, 4, height / factor, width / factor)))
    }

    fn predict(
        &mut self,
        sample: ArrayView4<f32>,
        _: f32,
        _: Texts,
        prediction: &mut Array4<f32>,
    ) -> Result<(), Never> {
        let (rows, _, height, width) = sample.dim();
        self.calls += 1;
        self.rows += rows;
        if prediction.dim() != (rows, 4, height, width) {
            *prediction = Array4::zeros((rows, 4, height, width));
        }
        Ok(())
    }

    fn decode(&mut self, latents: ArrayView4<f32>) -> Result<Array4<f32>, Never> {
        let (_, _, height, width) = latents.dim();
        let factor = VAE_FACTOR as usize;
        Ok(Array4::zeros((1, 3, height * factor, width * factor)))
    }
}
