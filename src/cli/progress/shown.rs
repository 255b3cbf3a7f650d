//! Where progress is shown: on a terminal line that is redrawn, in a log, or nowhere.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::state::State;
use crate::cli::{output, render, threads};

/// How often the line's clock is updated between events.
const TICK: Duration = Duration::from_millis(250);

/// The least time between two progress lines in a log.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The size in bytes from which loading a component is worth a log line.
const LARGE: u64 = 100_000_000;

/// How progress is shown.
pub enum Shown {
    /// On a line of the terminal.
    Bar(ProgressBar),
    /// As log lines, now and then.
    Log { last: Instant },
    /// Not at all, because events are printed.
    Events,
    /// Not at all.
    Quiet,
}

/// The state of a run, shared with the line's clock.
pub type Shared = Arc<Mutex<State>>;

impl Shown {
    /// The kind that suits standard error.
    pub fn for_stderr(state: &Shared) -> Self {
        match std::io::stderr().is_terminal() {
            true => Self::Bar(bar(Arc::clone(state))),
            false => Self::Log {
                last: Instant::now(),
            },
        }
    }

    /// Shows that the state has changed; a log always shows the last cell.
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

    /// Shows that a component of this size is being loaded.
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

    /// Removes the line.
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
        // A line that ends in the last column makes some terminals move to the next line.
        let columns = usize::from(Term::stderr().size().1).saturating_sub(1);
        let _ = out.write_str(&state.line(columns, output::is_coloured()));
    };
    let style = ProgressStyle::with_template("{line}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new_spinner().with_style(style.with_key("line", line));
    if threads::can_start_thread() {
        bar.enable_steady_tick(TICK);
    }
    bar
}
