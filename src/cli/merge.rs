//! `ip2p merge`: merges shards into one run.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use ip2p_sweep::runner::{Merged, Outcome, merge};
use ip2p_sweep::views::{File, ViewFiles};
use ip2p_sweep::vocabulary::Race;

use super::events::{self, Event};
use super::progress::{Ending, Views};
use super::render;
use super::views::views;
use super::words::count;
use super::{Error, Exit};

/// The most cells and commands that are named.
const MOST_NAMED: usize = 20;

/// `ip2p merge`.
#[derive(Debug, clap::Args)]
pub struct Merge {
    /// Run folder in which shards have run, or into which others are merged; created if needed
    out: PathBuf,
    /// Run folders of shards that shared no file system
    #[arg(value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Write only the tables: `ip2p sheet` and `ip2p report` draw the rest, or what is chosen of it, later
    #[arg(long)]
    tables_only: bool,
}

impl Merge {
    pub fn run(self) -> Result<ExitCode, Error> {
        let begun = Instant::now();
        let merged = merge(&self.out, &self.folders)?;
        merged.notes.iter().for_each(|note| render::note(note));
        let views = match self.tables_only {
            true => Views::of(ViewFiles {
                files: vec![File::of("table", merged.table())],
                notes: Vec::new(),
            }),
            false => views(&merged.run.of_last_stage(), merged.added == 0)?,
        };
        let all = merged.run.plan.cells.len();
        let left = merged.failed + merged.missing.len();
        let outcome = Outcome::Complete {
            done: all - left,
            failed: left,
        };
        let ending = Ending {
            outcome,
            run: &self.out,
            shard: None,
            views: &views,
        };
        if events::are_wanted() {
            events::emit(Event::Merged(as_event(&merged, &self.out)));
            events::emit(Event::End(ending.event(begun.elapsed().as_secs_f64())));
        } else {
            if merged.added > 0 {
                render::line(format_args!("merged   {}", count(merged.added, "cell")));
            }
            report_repeated(&merged);
            ending.print();
            report_missing(&merged, &self.out);
        }
        Ok(ExitCode::from(match left {
            0 => Exit::Done,
            _ => Exit::SomeCellsFailed,
        }))
    }
}

/// The result as an event.
fn as_event(merged: &Merged, out: &Path) -> events::Merged {
    let shards = merged.missing_shards().into_iter();
    let command = command(merged, out);
    let mut commands: Vec<String> = shards
        .map(|shard| format!("{command} --shard {shard}"))
        .collect();
    if commands.is_empty() && !merged.missing.is_empty() {
        commands.push(command);
    }
    events::Merged {
        added: merged.added,
        repeated: merged
            .repeated
            .iter()
            .map(|it| it.cell.to_string())
            .collect(),
        differing: merged.repeated.iter().filter(|it| differs(it.race)).count(),
        missing: merged.missing.len(),
        commands,
    }
}

/// The command that computes the missing cells.
fn command(merged: &Merged, out: &Path) -> String {
    let word = |path: &Path| render::shell_word(&path.display().to_string());
    let sweep = merged.sweep.as_ref();
    let sweep = sweep.map_or_else(|| "SWEEP".to_owned(), |path| word(path));
    format!("ip2p run {sweep} --out {}", word(out))
}

/// Whether a cell that was computed again has different pixels.
fn differs(race: Race) -> bool {
    match race {
        Race::SamePixels => false,
        Race::OtherPixels => true,
    }
}

/// Reports cells that were computed more than once and, if the pixels differ, by what.
fn report_repeated(merged: &Merged) {
    if merged.repeated.is_empty() {
        return;
    }
    let repeated = count(merged.repeated.len(), "cell");
    let repeats = merged.repeated.iter();
    let differing: Vec<_> = repeats.filter(|it| differs(it.race)).collect();
    render::line(format_args!(
        "repeated {repeated}, computed more than once; {} with other pixels, of which the first are kept",
        differing.len()
    ));
    for it in differing.iter().take(MOST_NAMED) {
        let kept = merged.run.environment_of(&it.cell);
        let words = |it: &ip2p_sweep::store::Environment| {
            let name = it.device_name.as_deref().unwrap_or(&it.device);
            format!("{name}, ONNX Runtime {}, ip2p {}", it.onnxruntime, it.ip2p)
        };
        render::line(format_args!(
            "         {}: kept that of {}; another of {}",
            it.cell,
            words(kept),
            words(&it.environment)
        ));
    }
}

/// Prints commands that compute the missing cells.
fn report_missing(merged: &Merged, out: &Path) {
    if merged.missing.is_empty() {
        return;
    }
    let command = command(merged, out);
    let shards = merged.missing_shards();
    render::line(format_args!(
        "missing  {}; to compute them",
        count(merged.missing.len(), "cell")
    ));
    for shard in shards.iter().take(MOST_NAMED) {
        render::line(format_args!("         {command} --shard {shard}"));
    }
    if shards.len() > MOST_NAMED {
        let more = count(shards.len() - MOST_NAMED, "more shard");
        render::line(format_args!("         and {more}"));
    }
    let all = if shards.is_empty() {
        ""
    } else {
        "or all here: "
    };
    render::line(format_args!("         {all}{command}"));
}
