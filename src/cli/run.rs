//! `ip2p run`: a sweep file goes in, a run folder comes out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ip2p_sweep::Error;
use ip2p_sweep::model::runtime::Host;
use ip2p_sweep::runner::{Execution, Outcome, Prepared, prepare};
use ip2p_sweep::sheet::write_sheets;
use ip2p_sweep::store::Run as RunFolder;

use super::progress::{Progress, ProgressFlags};
use super::sheet::{description, with_advice};
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
    let execution = Execution::open(prepared, out, host)?;
    let mut progress = Progress::begin(flags, &prepared.plan, execution.workload());
    for note in prepared.notes.iter().chain(execution.notes()) {
        progress.note(note);
    }
    let outcome = execution.run(interrupt::flag(), &mut |event| progress.take(event))?;
    let (code, mut lines) = verdict(outcome, out);
    if outcome != Outcome::Interrupted {
        let run = RunFolder::read(out)?;
        let sheets = write_sheets(&run, &with_advice(&run))?;
        for sheet in &sheets {
            sheet.notes.iter().for_each(|note| progress.note(note));
            lines.push(("sheet", description(sheet)));
        }
    }
    progress.end(&lines);
    Ok(ExitCode::from(code))
}

/// The exit code, and the line that says what there is.
fn verdict(outcome: Outcome, out: &Path) -> (u8, Vec<(&'static str, String)>) {
    let place = out.display();
    match outcome {
        Outcome::Interrupted => (
            interrupt::EXIT_CODE,
            vec![("stopped", format!("{place}; run again to go on"))],
        ),
        Outcome::Complete { failed: 0, done } => (
            Error::DONE,
            vec![("done", format!("{done} cells in {place}"))],
        ),
        Outcome::Complete { done: 0, failed } => (
            Error::FAILED,
            vec![(
                "failed",
                format!("all {failed} cells; see {place}/cells.csv"),
            )],
        ),
        Outcome::Complete { done, failed } => (
            Error::SOME_CELLS_FAILED,
            vec![(
                "failed",
                format!("{failed} of {} cells; see {place}/cells.csv", done + failed),
            )],
        ),
    }
}
