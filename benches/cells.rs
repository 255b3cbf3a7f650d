//! What the program itself costs: 100 and 10,000 cells with a model that takes almost no time.
//!
//!     cargo bench --bench cells [-- --work FOLDER]
//!
//! Each size runs in a process of its own, so that its memory peak is its own, through the same [`Execution`] as
//! `ip2p run`: plan, run folder, journal, PNGs, measures, tables, advice, then sheets and report. Planning and the
//! resume of a finished run are timed as `ip2p plan` and `ip2p run`, from start to exit. The work folder (by default a
//! temporary one) should be on the disk on which results will be, because every cell is synced.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and one that cannot go on fails"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use ip2p_sweep::engine::{Component, Denoiser, Texts};
use ip2p_sweep::model::ModelError;
use ip2p_sweep::model::clip::ClipModel;
use ip2p_sweep::onnxruntime::ExecutionDevice;
use ip2p_sweep::plan::Shard;
use ip2p_sweep::runner::{Backend, Clip, Execution, Model, Outcome, RunnerError, prepare};
use ip2p_sweep::spec::{Runtime, RuntimeOverrides};
use ip2p_sweep::store::{Environment, Run};
use ip2p_sweep::views::View;
use ip2p_sweep::views::report::write_report;
use ip2p_sweep::views::sheet::{SheetOptions, Sheets};
use ndarray::{Array3, Array4, ArrayView4, Axis};
use serde::{Deserialize, Serialize};

/// Numbers of cells of the two runs, each a multiple of the 10 x 10 scales.
const SIZES: [u32; 2] = [100, 10_000];
/// The small run is short, so its time is the median of this many runs.
const REPEATS: usize = 9;
const VAE_FACTOR: usize = 4;

/// The measurements of one process.
#[derive(Debug, Serialize, Deserialize)]
struct Figures {
    plan_s: f64,
    cell_ms: f64,
    run_peak_mib: f64,
    views_s: f64,
    views_peak_mib: f64,
    resume_s: f64,
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let (mut work, mut cells) = (None, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--work" => work = arguments.next().map(PathBuf::from),
            "--cells" => cells = arguments.next().and_then(|cells| cells.parse().ok()),
            other => panic!("unknown argument {other}; --work FOLDER is known"),
        }
    }
    let temporary = tempfile::tempdir().unwrap();
    let work = work.unwrap_or_else(|| temporary.path().to_owned());
    match cells {
        Some(cells) => println!(
            "{}",
            serde_json::to_string(&measured(cells, &work)).unwrap()
        ),
        None => print_table(&SIZES.map(|cells| in_a_process(cells, &work))),
    }
}

fn in_a_process(cells: u32, work: &Path) -> Figures {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--cells", &cells.to_string(), "--work"])
        .arg(work)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{cells} cells: {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn print_table(figures: &[Figures; 2]) {
    let ratio = |one: f64, other: f64| format!("{:.2} x", other / one);
    let rise = |one: f64, other: f64| format!("+{:.0} MiB", other - one);
    type Row<'r> = (
        &'r str,
        fn(&Figures) -> f64,
        &'r dyn Fn(f64, f64) -> String,
        &'r str,
    );
    let rows: [Row; 6] = [
        ("`ip2p plan`, s", |it| it.plan_s, &ratio, "< 0.5 s"),
        ("time a cell, ms", |it| it.cell_ms, &ratio, "<= 1.10 x"),
        (
            "peak memory of the run, MiB",
            |it| it.run_peak_mib,
            &rise,
            "<= +50 MB",
        ),
        ("sheets and report, s", |it| it.views_s, &ratio, ""),
        (
            "peak memory with them, MiB",
            |it| it.views_peak_mib,
            &rise,
            "",
        ),
        (
            "`ip2p run` when all is done, s",
            |it| it.resume_s,
            &ratio,
            "< 2 s",
        ),
    ];
    let [small, large] = SIZES;
    println!("| | {small} cells | {large} cells | ratio or rise | target |\n|---|---|---|---|---|");
    for (what, figure, compared, target) in rows {
        let [few, many] = figures.each_ref().map(figure);
        let compared = compared(few, many);
        println!("| {what} | {few:.2} | {many:.2} | {compared} | {target} |");
    }
}

fn measured(cells: u32, work: &Path) -> Figures {
    let sweep = write_sweep(cells, work);
    let out = work.join(format!("run-{cells}"));
    let plan_s = program_s("plan", &sweep, &out);
    let repeats = if cells == SIZES[0] { REPEATS } else { 1 };
    let mut cell_ms = Vec::new();
    let mut last = None;
    for _ in 0..repeats {
        let (ms, run) = executed(&sweep, &out);
        cell_ms.push(ms);
        last = Some(run);
    }
    cell_ms.sort_by(f64::total_cmp);
    let run_peak_mib = peak_mib();
    let begun = Instant::now();
    let run = last.unwrap();
    let options = SheetOptions::default();
    Sheets { run: &run, options }.write().unwrap();
    write_report(&run).unwrap();
    let views_s = begun.elapsed().as_secs_f64();
    Figures {
        plan_s,
        cell_ms: cell_ms[cell_ms.len() / 2],
        run_peak_mib,
        views_s,
        views_peak_mib: peak_mib(),
        resume_s: program_s("run", &sweep, &out),
    }
}

/// Seeds x 10 x 10 scales of 64 x 64 pixels, 20 steps.
fn write_sweep(cells: u32, work: &Path) -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = work.join(format!("cells-{cells}.toml"));
    let text = format!(
        "model = {:?}\n[sweep]\nimage = {:?}\ninstruction = \"make it winter\"\nseed = {{ from = 1, count = {} }}\n\
         guidance_scale = {{ from = 1.0, to = 10.0, step = 1.0 }}\n\
         image_guidance_scale = {{ from = 1.0, to = 1.9, step = 0.1 }}\nnum_inference_steps = 20\n\
         [size]\nresolution = 64\n[runtime]\ndevice = \"cpu\"\n",
        repository.join("onnx/demo"),
        repository.join("sweeps/photos/lake_house.png"),
        cells / 100,
    );
    fs::write(&path, text).unwrap();
    path
}

/// Seconds that a command of the program takes, from start to exit.
fn program_s(command: &str, sweep: &Path, out: &Path) -> f64 {
    let begun = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_ip2p"))
        .arg(command)
        .arg(sweep)
        .arg("--out")
        .arg(out)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{command}: {status}");
    begun.elapsed().as_secs_f64()
}

/// Runs a sweep in an empty folder; returns the milliseconds a cell, from opening the folder to the last table, and the
/// run.
fn executed(sweep: &Path, out: &Path) -> (f64, Run) {
    if out.exists() {
        fs::remove_dir_all(out).unwrap();
    }
    let prepared = prepare(sweep, RuntimeOverrides::default()).unwrap();
    let begun = Instant::now();
    let execution =
        Execution::open_with(&prepared, out, None, Shard::WHOLE, |_| Ok(Nothing)).unwrap();
    let cells = execution.workload().cells;
    let executed = execution.run(&AtomicBool::new(false), &mut |_| ()).unwrap();
    assert_eq!(
        executed.outcome,
        Outcome::Complete {
            done: cells,
            failed: 0
        }
    );
    let ms = begun.elapsed().as_secs_f64() * 1e3;
    (ms / cells as f64, executed.run)
}

/// Peak memory of this process so far.
fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1024.0
}

/// A backend whose models just add a few numbers.
struct Nothing;

impl Backend for Nothing {
    type Model = Fake;

    fn device(&self) -> ExecutionDevice {
        ExecutionDevice::Cpu
    }

    fn environment(&self, runtime: &Runtime) -> Environment {
        Environment {
            ip2p: env!("CARGO_PKG_VERSION").to_owned(),
            onnxruntime: "none".to_owned(),
            device: "cpu".to_owned(),
            device_name: None,
            provider: "none".to_owned(),
            os: std::env::consts::OS.to_owned(),
            cpu: None,
            threads: runtime.threads,
            arithmetic: None,
            started: jiff::Timestamp::now(),
        }
    }

    fn open(&self, _: &Model, _: &Runtime) -> Result<Fake, RunnerError> {
        Ok(Fake)
    }

    fn open_clip(&self, _: &Clip, _: &Runtime) -> Result<ClipModel, RunnerError> {
        panic!("the sweep measures nothing with CLIP")
    }
}

struct Fake;

impl Denoiser for Fake {
    type Error = ModelError;

    fn is_loaded(&self, _: Component) -> bool {
        true
    }

    fn load(&mut self, _: Component) -> Result<(), ModelError> {
        Ok(())
    }

    fn unload(&mut self, _: Component) {}

    fn encode_text(&mut self, text: &str) -> Result<Array3<f32>, ModelError> {
        Ok(Array3::from_elem((1, 4, 8), text.len() as f32 / 100.0))
    }

    fn encode_image(&mut self, pixels: ArrayView4<f32>) -> Result<Array4<f32>, ModelError> {
        let (_, _, height, width) = pixels.dim();
        let latents = (1, 4, height / VAE_FACTOR, width / VAE_FACTOR);
        Ok(Array4::from_shape_fn(latents, |(_, channel, y, x)| {
            pixels[(0, channel % 3, y * VAE_FACTOR, x * VAE_FACTOR)]
        }))
    }

    fn predict(
        &mut self,
        sample: ArrayView4<f32>,
        _: f32,
        texts: Texts,
        prediction: &mut Array4<f32>,
    ) -> Result<(), ModelError> {
        let (latents, image) = sample.split_at(Axis(1), 4);
        *prediction = &latents * 0.5 + &image * 0.25 + texts.values[(0, 0, 0)] * 0.1;
        Ok(())
    }

    fn decode(&mut self, latents: ArrayView4<f32>) -> Result<Array4<f32>, ModelError> {
        let (_, _, height, width) = latents.dim();
        let pixels = (1, 3, height * VAE_FACTOR, width * VAE_FACTOR);
        Ok(Array4::from_shape_fn(pixels, |(_, channel, y, x)| {
            latents[(0, channel, y / VAE_FACTOR, x / VAE_FACTOR)].clamp(-1.0, 1.0)
        }))
    }
}
