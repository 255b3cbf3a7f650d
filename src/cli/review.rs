//! `ip2p review`: shows the cells of a run that do not pass one after another, to be accepted or rejected.
//!
//! On a terminal a key decides, on a pipe a line. Accepted cells become the baseline at the end, all at once.

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

use super::accept::{accepted, refuse_in_ci, report_changed, waiting};
use super::events::{self, Asked, CellVerdict, Event, Reviewed};
use super::words::count;
use super::{Error, Exit, render, table};

/// `ip2p review`.
#[derive(Debug, clap::Args)]
pub struct Review {
    /// The run folder
    run: PathBuf,
    /// Why they are accepted, to be stored with the images
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Folder of accepted images [default: results/baseline/NAME under the current folder]
    #[arg(long, value_name = "DIR")]
    baseline: Option<PathBuf>,
}

/// The decision on a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Accept,
    Reject,
    Skip,
    /// Leaves this cell and all that follow undecided.
    Quit,
}

impl Decision {
    const ALL: [Self; 4] = [Self::Accept, Self::Reject, Self::Skip, Self::Quit];

    fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Skip => "skip",
            Self::Quit => "quit",
        }
    }

    /// The decision for a word or its first letter.
    fn of(answer: &str) -> Option<Self> {
        let answer = answer.trim().to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|it| answer == it.word() || answer == it.word()[..1])
    }
}

/// The decisions of a review.
#[derive(Debug, Default)]
struct Decided {
    /// Keys of accepted cells.
    accepted: Vec<String>,
    /// Images of cells that the sweep no longer has and that are to be removed.
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
            let accepted = accepted(&acceptance, &folder);
            acceptance.apply(&mut baseline)?;
            report_changed(accepted);
        }
        Ok(ExitCode::from(decided.report_end(check.failing().len())))
    }
}

impl Decided {
    /// Reports how the review ended; returns the exit code.
    fn report_end(&self, all: usize) -> Exit {
        let Self { rejected, left, .. } = *self;
        let accepted = self.accepted.len() + self.gone.len();
        let exit = match (rejected, left) {
            (0, 0) => Exit::Done,
            (0, _) => Exit::ToAccept,
            _ => Exit::Regression,
        };
        match (events::are_wanted(), all) {
            (true, _) => events::emit(Event::Reviewed(Reviewed {
                cells: all,
                accepted,
                rejected,
                left,
                exit_code: exit.code(),
            })),
            (false, 0) => render::line(format_args!("every cell passes")),
            (false, _) => render::line(format_args!(
                "reviewed {}: {accepted} accepted, {rejected} rejected, {left} left",
                count(all, "cell"),
            )),
        }
        exit
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

/// The tolerances of the sweep file, wherever it is now; the defaults if it is missing.
fn tolerances(run: &Run) -> Result<CheckSpec, Error> {
    match run.sweep_file().filter(|file| file.is_file()) {
        Some(file) => Ok(SweepSpec::read(&file)?.check),
        None => {
            render::note("the sweep file is missing: the default tolerances are used");
            Ok(CheckSpec::default())
        }
    }
}

fn decide_all(check: &Check) -> Decided {
    let failing = check.failing();
    let mut decided = Decided::default();
    for (index, cell) in failing.iter().enumerate() {
        let place = (index + 1, failing.len());
        match events::are_wanted() {
            true => events::emit(Event::Verdict(CellVerdict::from(*cell))),
            false => show(cell, check, place),
        }
        let decision = ask(cell, place);
        if events::are_wanted() {
            events::emit(Event::Decision(events::Decided {
                cell: cell.name.clone(),
                decision: decision.word().to_owned(),
            }));
        }
        decided.take(cell, decision);
        if decision == Decision::Quit {
            decided.left += failing.len() - index - 1;
            break;
        }
    }
    decided
}

/// Whether there is an image to accept.
fn is_acceptable(cell: &CellCheck) -> bool {
    cell.actual.is_some() || cell.verdict == Verdict::Missing
}

/// Shows everything that is needed to decide.
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

/// Each measure with its limit.
fn measures(cell: &CellCheck, check: &Check) -> Option<String> {
    let difference = cell.difference.as_ref()?;
    let limits = cell
        .limits
        .unwrap_or_else(|| Limits::same_class(&check.spec));
    let measures = limits.measures(difference);
    let words: Vec<String> = measures.iter().map(|it| it.beside_limit()).collect();
    Some(words.join(", "))
}

/// Asks until there is a valid answer; quits if the input ends.
fn ask(cell: &CellCheck, (number, cells): (usize, usize)) -> Decision {
    let is_acceptable = is_acceptable(cell);
    let question = match is_acceptable {
        true => "(a)ccept, (r)eject, (s)kip, (q)uit?",
        false => "(r)eject, (s)kip, (q)uit? There is nothing to accept",
    };
    let possible = |it: &Decision| is_acceptable || *it != Decision::Accept;
    loop {
        match events::are_wanted() {
            true => events::emit(Event::Question(Asked {
                cell: cell.name.clone(),
                number,
                cells,
                answers: Decision::ALL
                    .into_iter()
                    .filter(possible)
                    .map(|it| it.word().to_owned())
                    .collect(),
            })),
            false => render::aside(format_args!("     {question}")),
        }
        let Some(answer) = answer() else {
            return Decision::Quit;
        };
        if let Some(decision) = Decision::of(&answer).filter(possible) {
            return decision;
        }
    }
}

/// A key pressed on the terminal, or a line from a pipe.
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
