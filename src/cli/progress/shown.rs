//! Where progress is shown: on a line of a terminal that is drawn again and again, in a log, or nowhere.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::state::State;
use crate::cli::{render, threads};

/// The clock of the line goes on between events.
const TICK: Duration = Duration::from_millis(250);

/// A log says how far it is at most this often.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Components that are worth a line of a log while they are loaded, in bytes.
const LARGE: u64 = 100_000_000;

/// How progress is shown.
pub enum Shown {
    /// On a line of the terminal.
    Bar(ProgressBar),
    /// In lines, now and then.
    Log { last: Instant },
    /// Not: what is printed is events.
    Events,
    /// Not.
    Quiet,
}

/// A run's state, which the line's clock reads as well.
pub type Shared = Arc<Mutex<State>>;

impl Shown {
    /// What suits standard error.
    pub fn suiting(state: &Shared) -> Self {
        match std::io::stderr().is_terminal() {
            true => Self::Bar(bar(Arc::clone(state))),
            false => Self::Log {
                last: Instant::now(),
            },
        }
    }

    /// Shows that the state has changed; a log has the last cell whenever it comes.
    pub fn update(&mut self, state: &Shared) {
        match self {
            Self::Bar(bar) => bar.tick(),
            Self::Log { last } => {
                let state = state.lock().unwrap_or_else(PoisonError::into_inner);
                let (cells, all) = state.cells();
                if last.elapsed() >= LOG_INTERVAL || cells == all {
                    *last = Instant::now();
                    render::aside(format_args!("{}", state.log_line()));
                }
            }
            Self::Events | Self::Quiet => {}
        }
    }

    /// Shows that a component of so many bytes is loaded.
    pub fn loading(&self, words: &str, bytes: u64) {
        match self {
            Self::Bar(bar) => bar.tick(),
            Self::Log { .. } if bytes >= LARGE => render::aside(format_args!("{words}")),
            Self::Log { .. } | Self::Events | Self::Quiet => {}
        }
    }

    /// Prints something without disturbing the line.
    pub fn beside(&self, print: impl FnOnce()) {
        match self {
            Self::Bar(bar) => bar.suspend(print),
            Self::Log { .. } | Self::Events | Self::Quiet => print(),
        }
    }

    /// Ends the line.
    pub fn clear(&self) {
        match self {
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Log { .. } | Self::Events | Self::Quiet => {}
        }
    }
}

fn bar(state: Shared) -> ProgressBar {
    let line = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
        let state = state.lock().unwrap_or_else(PoisonError::into_inner);
        // A line that ends in the last column makes some terminals go on to the next.
        let columns = usize::from(Term::stderr().size().1).saturating_sub(1);
        let _ = out.write_str(&state.line(columns, render::is_coloured()));
    };
    let style = ProgressStyle::with_template("{line}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new_spinner().with_style(style.with_key("line", line));
    if threads::is_granted() {
        bar.enable_steady_tick(TICK);
    }
    bar
}
