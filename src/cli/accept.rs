//! `ip2p accept`: makes results the baseline with which `ip2p check` compares later ones.

use std::env;
use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ip2p_sweep::judge::{Acceptance, Baseline, Change, Choice, JudgeError, default_folder};
use ip2p_sweep::store::Run;

use super::events::{self, Accepted, Accepting, Event};
use super::words::count;
use super::{Error, Exit, render, table};

/// The most rows in the table of changes.
const MOST_ROWS: usize = 100;

/// `ip2p accept`.
#[derive(Debug, clap::Args)]
pub struct Accept {
    /// The run folder
    run: PathBuf,
    /// Accept only these cells, by their keys in cells.csv
    #[arg(long, value_name = "KEY", num_args = 1..)]
    cell: Vec<String>,
    /// Why, to be stored with the images
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Folder of accepted images [default: results/baseline/NAME under the current folder]
    #[arg(long, value_name = "DIR")]
    baseline: Option<PathBuf>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

impl Accept {
    pub fn run(self) -> Result<ExitCode, Error> {
        refuse_in_ci()?;
        let run = Run::read(&self.run)?;
        let folder = self
            .baseline
            .unwrap_or_else(|| default_folder(&run.plan.name));
        let _held = Baseline::hold(&folder, waiting)?;
        let mut baseline = Baseline::read(&folder)?;
        let acceptance = Acceptance::new(
            &run,
            &baseline,
            Choice::of(&self.cell),
            self.reason.as_deref(),
        )?;
        show(&acceptance);
        let accepted = accepted(&acceptance, &folder);
        if acceptance.changes.is_empty() {
            baseline.tidy();
            report_unchanged(accepted, "");
            return Ok(ExitCode::SUCCESS);
        }
        if !self.yes && !agreed(&format!("change {}?", folder.display()))? {
            report_unchanged(accepted, "nothing was changed");
            return Ok(ExitCode::from(Exit::Failed));
        }
        acceptance.apply(&mut baseline)?;
        report_changed(accepted);
        Ok(ExitCode::SUCCESS)
    }
}

/// The event for a baseline that was changed.
pub fn accepted(acceptance: &Acceptance, baseline: &Path) -> Accepted {
    Accepted {
        accepted: true,
        baseline: baseline.display().to_string(),
        changes: acceptance.changes.len(),
        unchanged: acceptance.unchanged,
        left_out: acceptance.left_out,
    }
}

/// Reports that the baseline was changed, and what to do next.
pub fn report_changed(accepted: Accepted) {
    if events::are_wanted() {
        return events::emit(Event::Accepted(accepted));
    }
    let changes = count(accepted.changes, "change");
    let word = render::shell_word(&accepted.baseline);
    render::line(format_args!("accepted {changes} in {}", accepted.baseline));
    render::next(&format!("git add {word}"));
}

/// Reports that the baseline was not changed.
fn report_unchanged(accepted: Accepted, words: &str) {
    match events::are_wanted() {
        true => events::emit(Event::Accepted(Accepted {
            accepted: false,
            ..accepted
        })),
        false if words.is_empty() => {}
        false => render::line(format_args!("{words}")),
    }
}

/// Refuses to accept in CI: a check must not be able to approve itself.
pub fn refuse_in_ci() -> Result<(), JudgeError> {
    match is_ci() {
        true => Err(JudgeError::InCi),
        false => Ok(()),
    }
}

pub fn waiting(process: Option<u32>) {
    let by = process.map_or_else(String::new, |pid| format!(", process {pid}"));
    render::aside(format_args!("waiting for another accept to end{by}"));
}

/// Whether this runs in continuous integration, according to the variable that CI services agree on.
fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

fn show(acceptance: &Acceptance) {
    if events::are_wanted() {
        for change in &acceptance.changes {
            events::emit(Event::Change(Accepting::from(change)));
        }
        return;
    }
    let changes = acceptance.changes.iter().take(MOST_ROWS);
    let rows: Vec<Vec<String>> = changes.map(row).collect();
    render::block(&table::align(&rows));
    let (all, shown) = (acceptance.changes.len(), rows.len());
    if all > shown {
        render::line(format_args!("and {}", count(all - shown, "more change")));
    }
    let stay = match acceptance.unchanged {
        1 => "1 cell stays as it is".to_owned(),
        unchanged => format!("{unchanged} cells stay as they are"),
    };
    render::line(format_args!("{}, {stay}", count(all, "change")));
    match acceptance.left_out {
        0 => {}
        1 => render::line(format_args!("1 cell has no image and is left out")),
        cells => render::line(format_args!("{cells} cells have no image and are left out")),
    }
}

/// What happens to a cell, and how its image differs from the previous one.
fn row(change: &Change) -> Vec<String> {
    let measures = change.difference.map_or_else(String::new, |difference| {
        format!(
            "perceptual mean {:.3}, p99 {:.2}, SSIM {:.4}",
            difference.perceptual_mean, difference.perceptual_p99, difference.ssim
        )
    });
    vec![
        change.kind.to_string(),
        change.cell.clone(),
        change.class.to_string(),
        measures,
    ]
}

/// Asks for confirmation on the terminal.
fn agreed(question: &str) -> Result<bool, JudgeError> {
    if !io::stdin().is_terminal() {
        return Err(JudgeError::NobodyToAsk);
    }
    // The question goes to standard error, because it is not a result.
    render::aside(format_args!("{question} [y/N]"));
    let mut answer = String::new();
    // An answer that cannot be read counts as no.
    let read = io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
}
