//! `ip2p check`: runs a sweep and compares it with its baseline.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ip2p_sweep::judge::{
    Baseline, CellCheck, Check as Verdicts, Conclusion, Excess, Verdict, default_folder,
};
use ip2p_sweep::onnxruntime::Host;
use ip2p_sweep::plan::Shard;
use ip2p_sweep::runner::{Executed, Execution, Outcome, RunnerError};
use ip2p_sweep::spec::SweepSpec;
use ip2p_sweep::views::check::{Checked, accept_command, annotations, forget};
use ip2p_sweep::views::{View, ViewFiles};

use super::events::{self, CellVerdict, Event, PhaseName};
use super::progress::{Ending, Progress, ProgressFlags, Views};
use super::{
    Error, Exit, LibraryFlag, RuntimeFlags, complaint, interrupt, prepared, render, table,
};

/// The most rows of the table on the terminal; the reports have all of them.
const MOST_ROWS: usize = 30;

/// `ip2p check`.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The sweep file
    sweep: PathBuf,
    /// Run folder [default: results/NAME under the current folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Take over the run folder if it has the run of another sweep
    #[arg(long)]
    replace: bool,
    /// Folder of accepted images [default: results/baseline/NAME under the current folder]
    #[arg(long, value_name = "DIR")]
    baseline: Option<PathBuf>,
    /// Show for each measure the tolerance that would have passed
    #[arg(long)]
    explain: bool,
    /// Run and check only part K of N of the cells, given as K/N
    #[arg(long, value_name = "K/N", default_value = "1/1")]
    shard: Shard,
    #[command(flatten)]
    runtime: RuntimeFlags,
    #[command(flatten)]
    library: LibraryFlag,
    #[command(flatten)]
    pub progress: ProgressFlags,
}

impl Check {
    pub fn run(self) -> Result<ExitCode, Error> {
        if let Some(out) = self.run_folder() {
            forget(&out)?;
        }
        let host = Host::current(self.library.onnxruntime);
        let mut prepared = prepared(&self.sweep, self.runtime.into(), &host)?;
        prepared.replaces = self.replace;
        let name = &prepared.plan.name;
        let out = self.out.unwrap_or_else(|| Path::new("results").join(name));
        // Read before the run, so that a broken baseline is reported before time is spent.
        let given = self.baseline.as_deref();
        let baseline = given.map_or_else(|| default_folder(name), Path::to_owned);
        let baseline = Baseline::read(&baseline)?;
        let execution = Execution::open_shard(&prepared, &out, host, self.shard)?;
        let mut progress = Progress::begin(self.progress, &prepared.plan, execution.workload());
        progress.notes(&prepared.notes);
        progress.notes(execution.notes());
        let Executed {
            outcome,
            run,
            measured,
        } = execution.run(interrupt::flag(), &mut |event| progress.take(event))?;
        if outcome == Outcome::Interrupted {
            let views = Views::default();
            progress.end(Ending {
                outcome,
                run: &out,
                shard: None,
                views: &views,
            });
            return Ok(ExitCode::from(Exit::Interrupted));
        }
        progress.phase(PhaseName::Judging);
        let check = Verdicts::new(&run, &baseline, prepared.spec.check.clone(), self.shard)?;
        let view = Checked {
            check: &check,
            run: &out,
            baseline: given,
            step_summary: step_summary(),
        };
        let made = view.write()?;
        progress.note_unmeasured(&measured);
        let accept = accept_command(&out, given);
        report_findings(progress, &view, &made, &accept, self.explain);
        annotate(&check);
        if !self.progress.is_quiet() {
            remedy(&check, &baseline, &accept);
        }
        end(measured, check.conclusion())
    }

    /// The run folder, as far as it is known before models and images are read.
    fn run_folder(&self) -> Option<PathBuf> {
        let default = || {
            let spec = SweepSpec::read(&self.sweep).ok()?;
            Some(Path::new("results").join(spec.name))
        };
        self.out.clone().or_else(default)
    }
}

/// What a workflow on GitHub shows beside the lines of a change.
fn annotate(check: &Verdicts) {
    if env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        annotations(check)
            .iter()
            .for_each(|line| render::command(line));
    }
}

/// How a check ends. A verdict is more important than what could not be measured.
fn end(measured: Result<(), RunnerError>, conclusion: Conclusion) -> Result<ExitCode, Error> {
    match (measured, conclusion) {
        (Err(error), Conclusion::Passed) => return Err(error.into()),
        (Err(error), _) => complaint::error(&error.into()),
        (Ok(()), _) => {}
    }
    Ok(Exit::from(conclusion).into())
}

/// The file that GitHub shows on a workflow's summary page.
fn step_summary() -> Option<PathBuf> {
    env::var_os("GITHUB_STEP_SUMMARY")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

/// What differs from the baseline's environment, and a table of the cells that do not pass, worst first.
fn findings(check: &Verdicts, explain: bool) -> Vec<String> {
    let mut lines = check.cause_lines();
    let failing = check.failing();
    let rows: Vec<Vec<String>> = failing
        .iter()
        .take(MOST_ROWS)
        .flat_map(|cell| rows_of(cell, explain))
        .collect();
    lines.extend(table::align(&rows).lines().map(str::to_owned));
    if failing.len() > MOST_ROWS {
        let left = failing.len() - MOST_ROWS;
        lines.push(format!(
            "{left} more cells do not pass; the summary has all"
        ));
    }
    let warned = check.early_warnings().into_iter().map(|cell| {
        let change = cell.latent_change.unwrap_or_default();
        format!(
            "early warning: {}: the first latents changed by {change:.2e} standard deviations",
            cell.label
        )
    });
    lines.extend(warned.take(MOST_ROWS));
    lines
}

/// The table row of a cell: how far it exceeds its limits, or why it does not pass. To explain, a further row for each
/// measure with the tolerance that would have passed.
fn rows_of(cell: &CellCheck, explain: bool) -> Vec<Vec<String>> {
    let brief: Vec<String> = cell.excesses.iter().map(Excess::in_brief).collect();
    let why = match brief.is_empty() {
        true => cell.explanation(),
        false => brief.join(", "),
    };
    let mut rows = vec![vec![cell.verdict.to_string(), cell.label.clone(), why]];
    if explain {
        let row = |text: String| vec![String::new(), String::new(), text];
        rows.extend(cell.excesses.iter().map(|excess| row(excess.to_string())));
    }
    rows
}

/// Reports the findings, in words or as events.
fn report_findings(
    progress: Progress,
    view: &Checked,
    made: &ViewFiles,
    accept: &str,
    explain: bool,
) {
    let Checked { check, run, .. } = view;
    if events::are_wanted() {
        for cell in &check.cells {
            events::emit(Event::Verdict(CellVerdict::from(cell)));
        }
        let counts = check.counts().into_iter();
        events::emit(Event::Checked(events::Checked {
            passes: check.failing().is_empty(),
            exit_code: Exit::from(check.conclusion()).code(),
            counts: counts
                .map(|(verdict, count)| (verdict.to_string(), count))
                .collect(),
            causes: check.cause_lines(),
            files: events::files(made),
            accept: accept.to_owned(),
        }));
        let (done, failed) = (check.cells.len(), check.count(Verdict::Error));
        let views = Views {
            made: made.clone(),
            advised: Vec::new(),
        };
        progress.end(Ending {
            outcome: Outcome::Complete {
                done: done - failed,
                failed,
            },
            run,
            shard: None,
            views: &views,
        });
        return;
    }
    let mut lines = vec![("check", check.counts_text())];
    let files = made.files.iter();
    lines.extend(files.map(|file| (file.what, file.path.display().to_string())));
    let failing = check.failing().into_iter();
    let loud: Vec<String> = failing
        .map(|cell| rows_of(cell, false).concat().join("  "))
        .collect();
    progress.end_with(&findings(check, explain), &lines, &loud);
}

/// What to do about the findings.
fn remedy(check: &Verdicts, baseline: &Baseline, accept: &str) {
    match check.conclusion() {
        Conclusion::ToAccept if baseline.is_empty() => {
            let folder = baseline.folder().display();
            let hint =
                format!("there is no baseline in {folder} yet: look at the images and accept them");
            render::hint(&hint);
            render::next(accept);
        }
        Conclusion::Regression | Conclusion::ToAccept => {
            let review = accept.replacen("accept", "review", 1);
            render::hint(&format!(
                "if this is wanted, accept it; `{review}` asks cell by cell"
            ));
            render::next(accept);
        }
        Conclusion::Passed | Conclusion::CellsFailed => {}
    }
}
