//! `ip2p bench`: what one wants to know about a model and a device before a large sweep.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use indicatif::ProgressBar;
use ip2p_sweep::bench::{self, Benchmark, Options, ROWS_A_STEP, Stage, Timing};
use ip2p_sweep::image::MAX_SIDE;
use ip2p_sweep::onnxruntime::Host;
use ip2p_sweep::spec::Runtime;
use ip2p_sweep::vocabulary::{ExecutionDevice, MAX_STEPS};

use super::events::{self, Event};
use super::words::{count, duration};
use super::{DeviceFlags, Error, Exit, LibraryFlag, interrupt, render, table};

/// The most rows of a UNet call; no device is faster with more.
const MOST_ROWS: i64 = 4096;

/// `ip2p bench`.
#[derive(Debug, clap::Args)]
pub struct Bench {
    /// The model folder
    model: PathBuf,
    /// Image size: WIDTHxHEIGHT, or one number for both [default: the model's own]
    #[arg(long, value_name = "PIXELS")]
    size: Option<Pixels>,
    /// Numbers of rows for the UNet's calls [default: 1,3 on a CPU, 1,3,6,12 on a GPU]
    #[arg(long, value_delimiter = ',', value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..=MOST_ROWS))]
    rows: Vec<u32>,
    /// Denoising steps of the cell whose time is estimated
    #[arg(long, default_value_t = 20, value_name = "STEPS", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_STEPS)))]
    steps: u32,
    /// How long to repeat each call, at least three times
    #[arg(long, default_value = "2", value_name = "SECONDS", value_parser = seconds)]
    seconds: Duration,
    #[command(flatten)]
    library: LibraryFlag,
    #[command(flatten, next_help_heading = "Runtime")]
    device: DeviceFlags,
}

impl Bench {
    pub fn run(self) -> Result<ExitCode, Error> {
        let options = Options {
            size: self.size.map(|Pixels(width, height)| (width, height)),
            rows: self.rows.into_iter().map(|rows| rows as usize).collect(),
            num_inference_steps: self.steps,
            budget: self.seconds,
            runtime: Runtime::default().overridden(self.device.into()),
        };
        // indicatif hides it if standard error is not a terminal.
        let spinner = ProgressBar::new_spinner();
        if super::threads::can_start_thread() {
            spinner.enable_steady_tick(Duration::from_millis(100));
        }
        let mut follow = |stage: Stage| spinner.set_message(stage.to_string());
        let measured = bench::run(
            &self.model,
            &Host::current(self.library.onnxruntime),
            &options,
            interrupt::flag(),
            &mut follow,
        );
        spinner.finish_and_clear();
        let Some(benchmark) = measured? else {
            return Ok(ExitCode::from(Exit::Interrupted));
        };
        match events::are_wanted() {
            true => events::emit(Event::Bench(Box::new(benchmark))),
            false => render::block(&text(&benchmark)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Width and height.
#[derive(Debug, Clone, Copy)]
struct Pixels(u32, u32);

impl FromStr for Pixels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (width, height) = text.split_once('x').unwrap_or((text, text));
        match (width.parse(), height.parse()) {
            (Ok(width), Ok(height))
                if [width, height]
                    .iter()
                    .all(|side| (1..=MAX_SIDE).contains(side)) =>
            {
                Ok(Self(width, height))
            }
            _ => Err(format!(
                "give WIDTHxHEIGHT or one number, in pixels up to {MAX_SIDE}, e.g. 512x768"
            )),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "give a number of seconds")?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// The whole report, in the order in which one asks.
fn text(benchmark: &Benchmark) -> String {
    [
        heading(benchmark),
        components(benchmark),
        calls(benchmark),
        meaning(benchmark),
    ]
    .join("\n")
}

fn heading(benchmark: &Benchmark) -> String {
    let Benchmark {
        model,
        precision,
        width,
        height,
        environment,
        ..
    } = benchmark;
    let name = environment.device_name.as_deref().unwrap_or("unknown");
    let device = environment.device.parse::<ExecutionDevice>();
    let threads_count = device.is_ok_and(|device| device.facts().threads_count);
    let threads = match environment.threads {
        _ if !threads_count => String::new(),
        0 => ", a thread a core".to_owned(),
        threads => format!(", {}", count(threads, "thread")),
    };
    format!(
        "{model}: {precision}, {width} x {height} pixels\n{} ({name}{threads}), ONNX Runtime {}\n",
        environment.device, environment.onnxruntime
    )
}

fn components(benchmark: &Benchmark) -> String {
    let mut rows = vec![row(["component", "file MiB", "load ms", "peak MiB"])];
    rows.extend(benchmark.components.iter().map(|cost| {
        row([
            &cost.component,
            &number(cost.file_mib),
            &number(cost.load_ms),
            &known(cost.peak_mib),
        ])
    }));
    table::align_numbers(&rows)
}

fn calls(benchmark: &Benchmark) -> String {
    let header = [
        "call", "rows", "ms", "fastest", "slowest", "ms a row", "rows/s",
    ];
    let mut rows = vec![row(header)];
    let mut one = |name: &str, timing: &Timing| rows.push(timed(name, 1, timing));
    one("encode text", &benchmark.encode_text);
    one("encode image", &benchmark.encode_image);
    one("decode", &benchmark.decode);
    rows.extend(benchmark.unet.iter().map(|calls| match &calls.timing {
        Some(timing) => timed("unet", calls.rows, timing),
        None => row(["unet", &calls.rows.to_string(), "out of memory"]),
    }));
    table::align_numbers(&rows)
}

fn timed(name: &str, rows: usize, timing: &Timing) -> Vec<String> {
    let row_ms = timing.median_ms / rows as f64;
    row([
        name,
        &rows.to_string(),
        &number(timing.median_ms),
        &number(timing.fastest_ms),
        &number(timing.slowest_ms),
        &number(row_ms),
        &number(1e3 / row_ms),
    ])
}

/// What the numbers mean for a sweep.
fn meaning(benchmark: &Benchmark) -> String {
    let notes = benchmark.notes.iter();
    let rows = [("cell", cell(benchmark)), ("memory", memory(benchmark))];
    let rows = rows
        .into_iter()
        .chain(notes.map(|note| ("note", note.clone())));
    table::align(
        &rows
            .map(|(what, value)| row([what, &value]))
            .collect::<Vec<_>>(),
    )
}

fn cell(benchmark: &Benchmark) -> String {
    match &benchmark.cell {
        Some(cell) => format!(
            "{} for {} steps of {ROWS_A_STEP} rows, {} a call; {} cells an hour, more where they share steps",
            duration(cell.seconds),
            cell.num_inference_steps,
            cell.rows,
            number(cell.cells_an_hour),
        ),
        None => "unknown: no call of the UNet fits into memory".to_owned(),
    }
}

fn memory(benchmark: &Benchmark) -> String {
    let memory = &benchmark.memory;
    format!(
        "{} MiB phased, at most {} MiB resident ({})",
        known(memory.phased_mib),
        known(memory.resident_mib),
        memory.source
    )
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn known(value: Option<f64>) -> String {
    value.map_or_else(|| "unknown".to_owned(), number)
}

/// At least three digits, and all of those before the decimal point.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}
