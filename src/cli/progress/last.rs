//! The last lines of a run: the result, the files to look at, and the time it took.

use std::path::Path;

use ip2p_sweep::plan::Shard;
use ip2p_sweep::runner::Outcome;
use ip2p_sweep::views::ViewFiles;
use ip2p_sweep::vocabulary::CellKey;

use crate::cli::events::{self, End};
use crate::cli::render;
use crate::cli::words::count;

/// The most advised cells that are named; sheets show all of them.
const MOST_ADVISED: usize = 4;

/// The views made of a run.
#[derive(Debug, Default)]
pub struct Views {
    /// Its contact sheets and its report.
    pub made: ViewFiles,
    /// The advised cell of each panel.
    pub advised: Vec<CellKey>,
}

impl Views {
    /// Views without advised cells.
    pub fn of(made: ViewFiles) -> Self {
        Self {
            made,
            advised: Vec::new(),
        }
    }
}

/// How a run, or a part of one, ended.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// The outcome.
    pub outcome: Outcome,
    /// The run folder.
    pub run: &'a Path,
    /// The shard that was run.
    pub shard: Option<Shard>,
    /// The files to look at.
    pub views: &'a Views,
}

impl Ending<'_> {
    /// The end as an event.
    pub fn event(&self, seconds: f64) -> End {
        let (stopped, counts) = match self.outcome {
            Outcome::Interrupted => (true, None),
            Outcome::Complete { done, failed } => (false, Some((done, failed))),
        };
        End {
            run: self.run.display().to_string(),
            stopped,
            done: counts.map(|(done, _)| done),
            failed: counts.map(|(_, failed)| failed),
            shard: self.shard.map(|shard| shard.to_string()),
            seconds,
            files: events::files(&self.views.made),
            advised: self.views.advised.iter().map(CellKey::to_string).collect(),
        }
    }

    /// For example `32 cells`, or `8 cells of shard 1/4`.
    fn of(&self, cells: usize) -> String {
        let shard = self.shard.map(|shard| format!(" of shard {shard}"));
        format!("{}{}", count(cells, "cell"), shard.unwrap_or_default())
    }

    /// Prints the last lines.
    pub fn print(&self) {
        let place = self.run.display();
        match self.outcome {
            Outcome::Interrupted => {
                let part = self.shard.map(|shard| format!("shard {shard} in "));
                let part = part.unwrap_or_default();
                render::line(format_args!("stopped  {part}{place}; run again to go on"));
            }
            Outcome::Complete { done, failed: 0 } => {
                let merge = self.shard.map(|_| {
                    let command = merge_command(self.run);
                    format!("; `{command}` when all shards have ended")
                });
                let merge = merge.unwrap_or_default();
                render::line(format_args!("done     {} in {place}{merge}", self.of(done)));
            }
            Outcome::Complete { done, failed } => render::line(format_args!(
                "failed   {failed} of {}; {place}/cells.csv says why",
                self.of(done + failed)
            )),
        }
        for file in &self.views.made.files {
            render::line(format_args!("{:<8} {file}", file.what));
        }
        let advised = &self.views.advised;
        for cell in advised.iter().take(MOST_ADVISED) {
            render::line(format_args!("advised  {cell}"));
        }
        if advised.len() > MOST_ADVISED {
            let more = advised.len() - MOST_ADVISED;
            render::line(format_args!(
                "         and {more} more: outlined on the sheets"
            ));
        }
    }

    /// Reports failed cells, even with `--quiet`.
    pub fn print_failures(&self) {
        match self.outcome {
            Outcome::Interrupted | Outcome::Complete { failed: 0, .. } => {}
            Outcome::Complete { done, failed } => render::complain(
                &format!("{failed} of {} failed", self.of(done + failed)),
                &format!(
                    "{}/cells.csv says why; run again once that is fixed",
                    self.run.display()
                ),
            ),
        }
    }
}

fn merge_command(run: &Path) -> String {
    format!(
        "ip2p merge {}",
        render::shell_word(&run.display().to_string())
    )
}
