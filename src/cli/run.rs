//! `ip2p run`: executes a sweep file into a run folder.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use ip2p_sweep::meter::milliseconds;
use ip2p_sweep::onnxruntime::Host;
use ip2p_sweep::runner::{Executed, Execution, Outcome, Prepared, ShardChoice, learn_views};
use ip2p_sweep::spec::Device;
use ip2p_sweep::views::sheet::check_font;

use super::devices::Devices;
use super::events::PhaseName;
use super::live::LiveReport;
use super::progress::{Ending, Progress, ProgressFlags, Views};
use super::views::views;
use super::{Error, Exit, LibraryFlag, RuntimeFlags, interrupt, prepared};

/// `ip2p run`.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// The sweep file
    sweep: PathBuf,
    /// Run folder [default: results/NAME under the current folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Run one part of the cells, beside processes that run the others: K/N, or `auto` (or `auto/N` if the cluster
    /// scheduler does not give N) to take the part from the scheduler's array; `ip2p merge` then makes sheets and
    /// report
    #[arg(long, value_name = "K/N|auto|auto/N")]
    shard: Option<ShardChoice>,
    /// Run on several devices at once, one process for each, e.g. cuda:0,cuda:1
    #[arg(
        long,
        value_name = "DEVICE,DEVICE",
        value_delimiter = ',',
        conflicts_with_all = ["shard", "device"]
    )]
    devices: Vec<Device>,
    /// Stop when standard input ends
    #[arg(long, hide = true, requires = "shard")]
    until_stdin_ends: bool,
    /// Take over the run folder if it has the run of another sweep
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    runtime: RuntimeFlags,
    #[command(flatten)]
    library: LibraryFlag,
    #[command(flatten)]
    pub progress: ProgressFlags,
}

impl Run {
    pub fn run(self) -> Result<ExitCode, Error> {
        let library = self.library.onnxruntime;
        let host = Host::current(library.clone());
        let mut prepared = prepared(&self.sweep, self.runtime.into(), &host)?;
        prepared.replaces = self.replace;
        let out = self
            .out
            .unwrap_or_else(|| Path::new("results").join(&prepared.plan.name));
        if self.until_stdin_ends {
            interrupt::follow_stdin();
        }
        if !self.devices.is_empty() {
            check_font(&prepared.plan)?;
            let devices = Devices {
                sweep: &self.sweep,
                out: &out,
                devices: &self.devices,
                runtime: self.runtime,
                library,
            };
            return devices.run(&prepared, self.progress);
        }
        match self.shard {
            None => run_prepared(&prepared, &out, host, self.progress),
            Some(choice) => run_shard(&prepared, &out, host, self.progress, choice),
        }
    }
}

/// Executes a part, and prints what to do when all parts have ended.
fn run_shard(
    prepared: &Prepared,
    out: &Path,
    host: Host,
    flags: ProgressFlags,
    choice: ShardChoice,
) -> Result<ExitCode, Error> {
    check_font(&prepared.plan)?;
    let shard = choice.resolve(|name| env::var(name).ok())?;
    let twins = match choice {
        ShardChoice::Given(_) => false,
        // Cluster schedulers run a task again if they believe it dead, and sometimes it is not.
        ShardChoice::Auto | ShardChoice::AutoOf(_) => true,
    };
    let execution = Execution::open_beside(prepared, out, host, shard, twins)?;
    let mut progress = Progress::begin(flags, &prepared.plan, execution.workload());
    progress.notes(&prepared.notes);
    progress.notes(execution.notes());
    let executed = execution.run(interrupt::flag(), &mut |event| progress.take(event))?;
    progress.note_unmeasured(&executed.measured);
    progress.end(Ending {
        outcome: executed.outcome,
        run: out,
        shard: Some(shard),
        views: &Views::default(),
    });
    executed.measured?;
    Ok(Exit::from(executed.outcome).into())
}

/// Executes the sweep, shows its progress, draws the sheets and prints where everything is.
pub fn run_prepared(
    prepared: &Prepared,
    out: &Path,
    host: Host,
    flags: ProgressFlags,
) -> Result<ExitCode, Error> {
    // A font that cannot be used is reported before the work, not after it.
    check_font(&prepared.plan)?;
    let cache = host.cache.clone();
    let execution = Execution::open(prepared, out, host)?;
    let mut progress = Progress::begin(flags, &prepared.plan, execution.workload());
    progress.notes(&prepared.notes);
    progress.notes(execution.notes());
    let workload = execution.workload();
    let live = (workload.cells > 0).then(|| LiveReport::of(out));
    let Executed {
        outcome,
        run,
        measured,
    } = execution.run(interrupt::flag(), &mut |event| progress.take(event))?;
    drop(live);
    let views = match outcome {
        Outcome::Interrupted => Views::default(),
        // A report written during the run may lack its last cells.
        Outcome::Complete { .. } => {
            progress.phase(PhaseName::Drawing);
            let (begun, last) = (Instant::now(), run.of_last_stage());
            let views = views(&last, workload.is_nothing())?;
            if !workload.is_nothing() {
                learn_views(cache.as_ref(), last.plan.cells.len(), milliseconds(begun));
            }
            views
        }
    };
    for note in &views.made.notes {
        progress.note(note);
    }
    progress.note_unmeasured(&measured);
    progress.end(Ending {
        outcome,
        run: out,
        shard: None,
        views: &views,
    });
    // If something could not be measured, sheets and report are made nevertheless.
    measured?;
    Ok(Exit::from(outcome).into())
}
