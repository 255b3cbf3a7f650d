//! `ip2p accept`: results become the baseline that `ip2p check` holds later ones against.

use std::env;
use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use ip2p_sweep::judge::{Acceptance, Baseline, JudgeError, default_folder};
use ip2p_sweep::store::Run;

use super::progress::count;
use super::{Error, Exit, render, table};

/// Rows of the table of changes.
const MOST_ROWS: usize = 100;

/// `ip2p accept`.
#[derive(Debug, clap::Args)]
pub struct Accept {
    /// The run folder
    run: PathBuf,
    /// Accept only these cells, by their names in cells.csv
    #[arg(long, value_name = "KEY", num_args = 1..)]
    cell: Vec<String>,
    /// Why, to be kept with the images
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Accepted images; by default results/baseline/NAME under the current folder
    #[arg(long, value_name = "DIR")]
    baseline: Option<PathBuf>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Accept {
    pub fn run(self) -> Result<ExitCode, Error> {
        if is_ci() {
            return Err(JudgeError::InCi.into());
        }
        let run = Run::read(&self.run)?;
        let folder = self
            .baseline
            .unwrap_or_else(|| default_folder(&run.plan.name));
        let _held = Baseline::hold(&folder, waiting)?;
        let mut baseline = Baseline::read(&folder)?;
        let acceptance = Acceptance::new(&run, &baseline, &self.cell, self.reason.as_deref())?;
        show(&acceptance);
        if acceptance.changes.is_empty() {
            baseline.tidy();
            return Ok(ExitCode::SUCCESS);
        }
        if !self.yes && !agreed(&format!("change {}?", folder.display()))? {
            render::line(format_args!("nothing was changed"));
            return Ok(ExitCode::from(Exit::Failed));
        }
        let changes = count(acceptance.changes.len(), "change");
        acceptance.apply(&mut baseline)?;
        render::line(format_args!(
            "accepted  {changes} in {}; commit it to version control",
            folder.display()
        ));
        Ok(ExitCode::SUCCESS)
    }
}

fn waiting(process: Option<u32>) {
    let by = process.map_or_else(String::new, |pid| format!(", process {pid}"));
    render::aside(format_args!("waiting for another accept to end{by}"));
}

/// Whether this is continuous integration, by the variable that services agree on.
fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

fn show(acceptance: &Acceptance) {
    let changes = acceptance.changes.iter().take(MOST_ROWS);
    let rows: Vec<Vec<String>> = changes
        .map(|change| {
            vec![
                change.kind.to_string(),
                change.cell.clone(),
                change.class.to_string(),
            ]
        })
        .collect();
    for line in table::align(&rows).lines() {
        render::line(format_args!("{line}"));
    }
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

/// Asks on the terminal.
fn agreed(question: &str) -> Result<bool, JudgeError> {
    if !io::stdin().is_terminal() {
        return Err(JudgeError::NobodyToAsk);
    }
    render::line(format_args!("{question} [y/N]"));
    let mut answer = String::new();
    // An answer that cannot be read is none.
    let read = io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
}
