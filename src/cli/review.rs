//! `ip2p review`: the cells of a run that do not pass, one after the other, to accept or to reject.
//!
//! On a terminal a key decides; on a pipe a line does. What was accepted becomes the baseline at the end, at one stroke.

use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use console::{Key, Term};
use ip2p_sweep::judge::{
    Acceptance, Baseline, CellCheck, Check, Choice, Limits, Verdict, default_folder,
};
use ip2p_sweep::plan::Shard;
use ip2p_sweep::spec::{CheckSpec, SweepSpec};
use ip2p_sweep::store::Run;

use super::accept::{refuse_in_ci, waiting};
use super::words::count;
use super::{Error, Exit, render, table};

/// `ip2p review`.
#[derive(Debug, clap::Args)]
pub struct Review {
    /// The run folder
    run: PathBuf,
    /// Why what is accepted is, to be kept with the images
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Accepted images; by default results/baseline/NAME under the current folder
    #[arg(long, value_name = "DIR")]
    baseline: Option<PathBuf>,
}

/// What was decided of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Accept,
    Reject,
    Skip,
    /// This one and all that follow.
    Quit,
}

/// The decisions of a review.
#[derive(Debug, Default)]
struct Decided {
    /// Keys of cells.
    accepted: Vec<String>,
    /// Images of cells that the sweep no longer has.
    gone: Vec<String>,
    rejected: usize,
    left: usize,
}

impl Review {
    pub fn run(self) -> Result<ExitCode, Error> {
        refuse_in_ci()?;
        let run = Run::read(&self.run)?;
        let name = &run.plan.name;
        let folder = self.baseline.unwrap_or_else(|| default_folder(name));
        let _held = Baseline::hold(&folder, waiting)?;
        let mut baseline = Baseline::read(&folder)?;
        let check = Check::new(&run, &baseline, tolerances(&run)?, Shard::WHOLE)?;
        check
            .cause_lines()
            .iter()
            .for_each(|line| render::note(line));
        let decided = decide_all(&check);
        if !decided.accepted.is_empty() || !decided.gone.is_empty() {
            let choice = Choice::Some {
                cells: &decided.accepted,
                gone: &decided.gone,
            };
            let acceptance = Acceptance::new(&run, &baseline, choice, self.reason.as_deref())?;
            let changes = count(acceptance.changes.len(), "change");
            acceptance.apply(&mut baseline)?;
            render::line(format_args!("accepted {changes} in {}", folder.display()));
            let word = render::shell_word(&folder.display().to_string());
            render::next(&format!("git add {word}"));
        }
        Ok(ExitCode::from(decided.tell(check.failing().len())))
    }
}

impl Decided {
    /// Says how it ended; gives the exit code.
    fn tell(&self, all: usize) -> Exit {
        if all == 0 {
            render::line(format_args!("every cell passes"));
            return Exit::Done;
        }
        let Self {
            accepted,
            gone,
            rejected,
            left,
        } = self;
        render::line(format_args!(
            "reviewed {}: {} accepted, {rejected} rejected, {left} left",
            count(all, "cell"),
            accepted.len() + gone.len()
        ));
        match (rejected, left) {
            (0, 0) => Exit::Done,
            (0, _) => Exit::ToAccept,
            _ => Exit::Regression,
        }
    }

    fn take(&mut self, cell: &CellCheck, decision: Decision) {
        match decision {
            Decision::Accept if cell.verdict == Verdict::Missing => {
                self.gone.push(cell.name.clone());
            }
            Decision::Accept => self.accepted.push(cell.name.clone()),
            Decision::Reject => self.rejected += 1,
            Decision::Skip | Decision::Quit => self.left += 1,
        }
    }
}

/// The tolerances of the sweep file, wherever it is now; the usual ones where it is not there.
fn tolerances(run: &Run) -> Result<CheckSpec, Error> {
    match run.sweep_file().filter(|file| file.is_file()) {
        Some(file) => Ok(SweepSpec::read(&file)?.check),
        None => {
            render::note("the sweep file is not there: the usual tolerances are taken");
            Ok(CheckSpec::default())
        }
    }
}

fn decide_all(check: &Check) -> Decided {
    let failing = check.failing();
    let mut decided = Decided::default();
    for (index, cell) in failing.iter().enumerate() {
        show(cell, check, (index + 1, failing.len()));
        let decision = ask(is_acceptable(cell));
        decided.take(cell, decision);
        if decision == Decision::Quit {
            decided.left += failing.len() - index - 1;
            break;
        }
    }
    decided
}

/// Without an image there is nothing to accept.
fn is_acceptable(cell: &CellCheck) -> bool {
    cell.actual.is_some() || cell.verdict == Verdict::Missing
}

/// Everything that one needs to decide.
fn show(cell: &CellCheck, check: &Check, (number, all): (usize, usize)) {
    render::line(format_args!(
        "\n{number}/{all}  {}  {}",
        cell.verdict, cell.label
    ));
    let path = |path: &Option<PathBuf>| path.as_deref().map(shown_path);
    let lines = [
        ("measures", measures(cell, check)),
        ("why", Some(cell.explanation())),
        ("expected", path(&cell.expected)),
        ("actual", path(&cell.actual)),
    ];
    let rows = lines.into_iter().filter_map(|(what, value)| {
        let value = value.filter(|value| !value.is_empty())?;
        Some(vec![String::new(), what.to_owned(), value])
    });
    render::block(&table::align(&rows.collect::<Vec<_>>()));
}

fn shown_path(path: &Path) -> String {
    path.display().to_string()
}

/// Each measure beside its limit.
fn measures(cell: &CellCheck, check: &Check) -> Option<String> {
    let difference = cell.difference.as_ref()?;
    let limits = cell
        .limits
        .unwrap_or_else(|| Limits::same_class(&check.spec));
    let measures = limits.measures(difference);
    let words: Vec<String> = measures.iter().map(|it| it.beside_limit()).collect();
    Some(words.join(", "))
}

/// Asks until there is an answer; none is left where the input ends.
fn ask(is_acceptable: bool) -> Decision {
    let question = match is_acceptable {
        true => "(a)ccept, (r)eject, (s)kip, (q)uit?",
        false => "(r)eject, (s)kip, (q)uit? There is nothing to accept",
    };
    loop {
        render::aside(format_args!("     {question}"));
        let Some(answer) = answer() else {
            return Decision::Quit;
        };
        match understood(&answer) {
            Some(Decision::Accept) if !is_acceptable => {}
            Some(decision) => return decision,
            None => {}
        }
    }
}

/// A key of the terminal, or a line of a pipe.
fn answer() -> Option<String> {
    if io::stdin().is_terminal() {
        return match Term::stderr().read_key().ok()? {
            Key::Char(key) => Some(key.to_string()),
            Key::Escape => None,
            _ => Some(String::new()),
        };
    }
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line).ok()?;
    (read > 0).then_some(line)
}

fn understood(answer: &str) -> Option<Decision> {
    match answer.trim().to_ascii_lowercase().as_str() {
        "a" | "accept" => Some(Decision::Accept),
        "r" | "reject" => Some(Decision::Reject),
        "s" | "skip" => Some(Decision::Skip),
        "q" | "quit" => Some(Decision::Quit),
        _ => None,
    }
}
