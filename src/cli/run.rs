//! `ip2p run`: a sweep file goes in, a run folder comes out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ip2p_sweep::Error;
use ip2p_sweep::judge::advice::{Advice, advise};
use ip2p_sweep::onnxruntime::Host;
use ip2p_sweep::runner::{Executed, Execution, Outcome, Prepared, prepare};
use ip2p_sweep::store::Run as RunFolder;
use ip2p_sweep::views::report::{find_report, write_report};
use ip2p_sweep::views::sheet::{check_font, find_sheets, write_sheets};
use ip2p_sweep::vocabulary::CellKey;

use super::live::LiveReport;
use super::progress::{Progress, ProgressFlags, Views};
use super::sheet::outlining;
use super::{RuntimeFlags, interrupt};

/// `ip2p run`.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// The sweep file
    sweep: PathBuf,
    /// Run folder; by default results/NAME under the current folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    runtime: RuntimeFlags,
    #[command(flatten)]
    progress: ProgressFlags,
}

impl Run {
    pub fn run(self, library: Option<PathBuf>) -> Result<ExitCode, Error> {
        let prepared = prepare(&self.sweep, self.runtime.into())?;
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
    for note in prepared.notes.iter().chain(execution.notes()) {
        progress.note(note);
    }
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
        Outcome::Complete { .. } => {
            // A report that was written while the run went on may lack its last cells.
            let made = if workload.is_nothing() {
                made(&run)
            } else {
                None
            };
            made.map_or_else(|| make(&run), Ok)?
        }
    };
    for note in views.sheets.iter().flat_map(|sheet| &sheet.notes) {
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

/// The sheets and the report as they are, unless something has changed since they were made.
fn made(run: &RunFolder) -> Option<Views> {
    let advice = advise(run);
    Some(Views {
        sheets: find_sheets(run, &outlining(&advice))?,
        report: Some(find_report(run)?),
        advised: keys(advice),
    })
}

fn make(run: &RunFolder) -> Result<Views, Error> {
    let advice = advise(run);
    Ok(Views {
        sheets: write_sheets(run, &outlining(&advice))?,
        report: Some(write_report(run)?),
        advised: keys(advice),
    })
}

fn keys(advice: Advice) -> Vec<CellKey> {
    advice.best.into_iter().map(|best| best.cell).collect()
}
