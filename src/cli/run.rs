//! `ip2p run`: a sweep file goes in, a run folder comes out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use ip2p_sweep::runner::{Execution, Outcome, Prepared, execute, prepare};
use ip2p_sweep::{Error, sheet};

use super::progress::{Progress, ProgressFlags};
use super::{RuntimeFlags, interrupt, render};

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
        let out = self.out.unwrap_or_else(|| Path::new("results").join(&prepared.plan.name));
        run_prepared(&prepared, &out, library.as_deref(), self.progress)
    }
}

/// Executes, follows, draws the sheets and says where everything is.
pub fn run_prepared(
    prepared: &Prepared,
    out: &Path,
    library: Option<&Path>,
    flags: ProgressFlags,
) -> Result<ExitCode, Error> {
    let cancel: &AtomicBool = interrupt::flag();
    let mut execution = Execution::open(prepared, out, library)?;
    let mut progress = Progress::begin(flags, &prepared.plan, execution.workload());
    prepared.notes.iter().chain(execution.notes()).for_each(|note| progress.note(note));
    let outcome = execution.run(cancel, &mut |event| progress.take(event))?;
    if outcome == Outcome::Interrupted {
        progress.end(&[("stopped", format!("run again to go on: {}", out.display()))]);
        return Ok(ExitCode::from(130));
    }
    Ok(ExitCode::SUCCESS)
}
