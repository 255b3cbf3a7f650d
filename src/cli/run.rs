//! `ip2p run`: a sweep file goes in, a run folder comes out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ip2p_sweep::Error;
use ip2p_sweep::judge::advice::advise;
use ip2p_sweep::onnxruntime::Host;
use ip2p_sweep::runner::{Executed, Execution, Outcome, Prepared, prepare};
use ip2p_sweep::store::Run as RunFolder;
use ip2p_sweep::views::report::Report;
use ip2p_sweep::views::sheet::{Sheets, check_font};
use ip2p_sweep::views::{Made, View};

use super::live::LiveReport;
use super::progress::{Progress, ProgressFlags, Views};
use super::{RuntimeFlags, interrupt};

/// `ip2p run`.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// The sweep file
    sweep: PathBuf,
    /// Run folder; by default results/NAME under the current folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Take the run folder over, if it has the run of another sweep
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    runtime: RuntimeFlags,
    #[command(flatten)]
    progress: ProgressFlags,
}

impl Run {
    pub fn run(self, library: Option<PathBuf>) -> Result<ExitCode, Error> {
        let mut prepared = prepare(&self.sweep, self.runtime.into())?;
        prepared.replaces = self.replace;
        let out = self
            .out
            .unwrap_or_else(|| Path::new("results").join(&prepared.plan.name));
        run_prepared(&prepared, &out, Host::current(library), self.progress)
    }
}

/// Executes, follows, draws the sheets and says where everything is.
pub fn run_prepared(
    prepared: &Prepared,
    out: &Path,
    host: Host,
    flags: ProgressFlags,
) -> Result<ExitCode, Error> {
    // A font that cannot be used is told before the work, not after it.
    check_font(&prepared.plan)?;
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
        // A report that was written while the run went on may lack its last cells.
        Outcome::Complete { .. } => views(&run, workload.is_nothing())?,
    };
    for note in &views.made.notes {
        progress.note(note);
    }
    progress.note_unmeasured(&measured);
    progress.end(outcome, out, &views);
    // What could not be measured hinders no sheet and no report.
    measured?;
    Ok(ExitCode::from(match outcome {
        Outcome::Interrupted => interrupt::EXIT_CODE,
        Outcome::Complete { failed: 0, .. } => Error::DONE,
        Outcome::Complete { done: 0, .. } => Error::FAILED,
        Outcome::Complete { .. } => Error::SOME_CELLS_FAILED,
    }))
}

/// The sheets and the report: as they are where that is enough and nothing has changed since, else written.
fn views(run: &RunFolder, as_they_are: bool) -> Result<Views, Error> {
    let advice = advise(run);
    let (sheets, report) = (Sheets::of(run, &advice), Report::of(run));
    let found = || -> Option<Made> { Some(sheets.find()?.and(report.find()?)) };
    let made = match as_they_are.then(found).flatten() {
        Some(made) => made,
        None => sheets.write()?.and(report.write()?),
    };
    Ok(Views {
        made,
        advised: advice.best.into_iter().map(|best| best.cell).collect(),
    })
}
