//! The command line: one file for each subcommand. Only this part of the program prints.

mod accept;
mod animate;
mod bench;
mod cells;
mod check;
mod clean;
mod compare;
pub mod complaint;
mod completions;
mod demo;
mod devices;
mod doctor;
mod error;
mod events;
mod exit;
mod export;
pub mod fault;
mod help;
mod init;
pub mod interrupt;
mod jobs;
mod live;
mod merge;
mod output;
mod parts;
mod plan;
mod progress;
mod refine;
pub mod render;
mod report;
mod review;
mod run;
mod schema;
mod setup;
mod sheet;
mod table;
pub mod threads;
mod views;
mod words;

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::{RangedU64ValueParser, TypedValueParser};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
pub use error::Error;
pub use exit::Exit;
use ip2p_sweep::model::KnownDigests;
use ip2p_sweep::onnxruntime::Host;
use ip2p_sweep::plan::Shard;
use ip2p_sweep::runner::{Prepared, prepare_with};
use ip2p_sweep::spec::{
    Batch, Device, MAX_MEMORY_MIB, MAX_THREADS, MemoryPolicy, RuntimeOverrides,
};

/// Parameter sweeps of InstructPix2Pix: grids of guidance scales, contact sheets, CSV logs, baselines.
#[derive(Debug, Parser)]
#[command(name = "ip2p", version, arg_required_else_help = true, after_help = help::ALL)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// When to use colour
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        hide_possible_values = true
    )]
    color: output::Colour,

    /// Print JSON, an object a line (docs/events.md)
    #[arg(long, global = true)]
    json: bool,
}

/// A flag of commands that load or locate ONNX Runtime.
#[derive(Debug, Clone, Args)]
pub struct LibraryFlag {
    /// ONNX Runtime's shared library [default: searched for; `ip2p doctor` says where]
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the bundled sweep, after fetching what is missing
    #[command(after_help = help::DEMO)]
    Demo(demo::Demo),
    /// Write a commented sweep file for an image and an instruction
    #[command(after_help = help::INIT)]
    Init(init::Init),
    /// Convert a model from the hub, a folder or a checkpoint
    #[command(after_help = help::EXPORT)]
    Export(export::Export),
    /// Show what a sweep will do and need, before anything runs
    #[command(after_help = help::PLAN)]
    Plan(plan::PlanCommand),
    /// Run a sweep, or continue it
    #[command(after_help = help::RUN)]
    Run(run::Run),
    /// Draw the contact sheets of a run again, without running the model
    #[command(after_help = help::SHEET)]
    Sheet(sheet::Sheet),
    /// Write the HTML report of a run again, without running the model
    #[command(after_help = help::REPORT)]
    Report(report::Report),
    /// Write a sweep file with finer steps around a cell of a run
    #[command(after_help = help::REFINE)]
    Refine(refine::Refine),
    /// Make an animation (GIF) of the cells along an axis
    #[command(after_help = help::ANIMATE)]
    Animate(animate::Animate),
    /// Write the table of a run's cells again, for a spreadsheet or a notebook
    #[command(after_help = help::TABLE)]
    Table(cells::Table),
    /// Compare two runs: images, time and memory
    #[command(after_help = help::COMPARE)]
    Compare(compare::Compare),
    /// Run a sweep and compare it with its baseline
    #[command(after_help = help::CHECK)]
    Check(check::Check),
    /// Decide cell by cell what becomes the baseline
    #[command(after_help = help::REVIEW)]
    Review(review::Review),
    /// Accept results as the baseline
    #[command(after_help = help::ACCEPT)]
    Accept(accept::Accept),
    /// Print a Slurm script or a Kubernetes manifest that runs a sweep in shards
    #[command(after_help = help::JOBS)]
    Jobs(jobs::Jobs),
    /// Merge the shards of a sweep into one run folder
    #[command(after_help = help::MERGE)]
    Merge(merge::Merge),
    /// Measure a model on a device: loading, calls, memory
    #[command(after_help = help::BENCH)]
    Bench(bench::Bench),
    /// Check the runtime, devices and models, and say what to do
    #[command(after_help = help::DOCTOR)]
    Doctor(doctor::Doctor),
    /// Fetch ONNX Runtime and its execution providers into the cache
    #[command(after_help = help::SETUP)]
    Setup(setup::Setup),
    /// Print the JSON Schema of sweep files, for editors
    #[command(after_help = help::SCHEMA)]
    Schema(schema::Schema),
    /// Print completions for a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions(completions::Completions),
}

/// Parses the arguments, with messages in the requested colour; bad usage and `--help` end the program.
pub fn parse() -> Arguments {
    let mut given = std::env::args_os().skip(1).peekable();
    let mut colour = output::Colour::default();
    // Found before the arguments are parsed, because parse errors are coloured too.
    while let Some(argument) = given.next() {
        let value = match argument.to_str() {
            Some("--") => break,
            Some("--color") => given
                .peek()
                .and_then(|value| value.to_str())
                .map(str::to_owned),
            Some(argument) => argument.strip_prefix("--color=").map(str::to_owned),
            None => None,
        };
        let known = value.and_then(|value| output::Colour::from_str(&value, false).ok());
        colour = known.unwrap_or(colour);
    }
    colour.set();
    let matches = Arguments::command().color(colour.into()).try_get_matches();
    let read = matches.and_then(|matches| Arguments::from_arg_matches(&matches));
    read.unwrap_or_else(|error| end_with(&error))
}

/// Ends the program like clap: prints help, or reports bad usage, as an event if events are wanted.
fn end_with(error: &clap::Error) -> ! {
    let asked = std::env::args_os().any(|argument| argument == "--json");
    if error.use_stderr() && asked {
        events::bad_usage(error);
    }
    error.exit()
}

/// Runs the requested command.
pub fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    if arguments.json {
        events::want();
    }
    match arguments.command {
        Command::Demo(command) => command.run(),
        Command::Run(command) => command.run(),
        Command::Plan(command) => command.run(),
        Command::Jobs(command) => command.run(),
        Command::Merge(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Review(command) => command.run(),
        Command::Accept(command) => command.run(),
        Command::Sheet(command) => command.run(),
        Command::Report(command) => command.run(),
        Command::Table(command) => command.run(),
        Command::Refine(command) => command.run(),
        Command::Animate(command) => command.run(),
        Command::Compare(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Setup(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Init(command) => command.run(),
        Command::Completions(command) => command.run(),
    }
}

/// Flags that override the sweep file's `[runtime]` table.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Runtime (over the sweep file's)")]
pub struct RuntimeFlags {
    #[command(flatten)]
    device: DeviceFlags,
    /// auto, resident or phased (one component in memory at a time)
    #[arg(long)]
    memory: Option<MemoryPolicy>,
    /// Cells denoised together: auto or a number
    #[arg(long)]
    batch: Option<Batch>,
}

/// Flags for the device and its limits.
#[derive(Debug, Clone, Copy, Args)]
pub struct DeviceFlags {
    /// auto, cpu, cuda, cuda:N, webgpu, openvino or openvino:gpu
    #[arg(long)]
    device: Option<Device>,
    /// CPU threads; 0 for the number of physical cores
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(0..=u64::from(MAX_THREADS)))]
    threads: Option<usize>,
    /// The most device memory that ONNX Runtime may take, in MiB
    #[arg(long, value_name = "MIB", value_parser = memory_limit())]
    memory_limit_mib: Option<NonZeroU32>,
}

/// Reads a sweep file and everything it names; digests of model files are cached.
fn prepared(sweep: &Path, flags: RuntimeOverrides, host: &Host) -> Result<Prepared, Error> {
    let known = KnownDigests::read(host.cache.as_deref());
    let prepared = prepare_with(sweep, flags, &known)?;
    known.write();
    Ok(prepared)
}

/// Parses the number of shards.
fn shard_count() -> impl TypedValueParser<Value = NonZeroUsize> {
    let count = RangedU64ValueParser::<usize>::new().range(1..=Shard::MOST as u64);
    count.try_map(NonZeroUsize::try_from)
}

/// Parses a memory limit, with the same bounds as the sweep file's key.
fn memory_limit() -> impl TypedValueParser<Value = NonZeroU32> {
    let mib = RangedU64ValueParser::<u32>::new().range(1..=u64::from(MAX_MEMORY_MIB));
    mib.try_map(NonZeroU32::try_from)
}

impl From<RuntimeFlags> for RuntimeOverrides {
    fn from(flags: RuntimeFlags) -> Self {
        let RuntimeFlags {
            device,
            memory,
            batch,
        } = flags;
        Self {
            memory,
            batch,
            ..device.into()
        }
    }
}

impl From<DeviceFlags> for RuntimeOverrides {
    fn from(flags: DeviceFlags) -> Self {
        let DeviceFlags {
            device,
            threads,
            memory_limit_mib,
        } = flags;
        Self {
            device,
            threads,
            memory_limit_mib,
            ..Self::default()
        }
    }
}
