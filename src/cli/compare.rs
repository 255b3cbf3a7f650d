//! `ip2p compare`: two runs side by side.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ip2p_sweep::store::Run;
use ip2p_sweep::views::View;
use ip2p_sweep::views::compare::{Compared, Comparison, Pair, compare};
use ip2p_sweep::vocabulary;

use super::events::{self, ComparedCell, Event};
use super::words::count;
use super::{Error, clean, render, table};

/// The most rows of the table on the terminal; `compare.csv` has all of them.
const MOST_ROWS: usize = 24;

/// The most characters of a value on the terminal.
const MOST_CHARACTERS: usize = 40;

/// `ip2p compare`.
#[derive(Debug, clap::Args)]
pub struct Compare {
    /// The first run folder
    a: PathBuf,
    /// The second run folder; ratios are its numbers divided by those of the first
    b: PathBuf,
    /// Folder for the table, the sheets and the page [default: results/A-vs-B under the current folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Stage of a chain, by name [default: the last]
    #[arg(long, value_name = "NAME")]
    stage: Option<String>,
}

impl Compare {
    pub fn run(self) -> Result<ExitCode, Error> {
        let stage = self.stage.as_deref();
        let a = Run::read(&self.a)?.stage(stage)?;
        let b = Run::read(&self.b)?.stage(stage)?;
        let runs = [&a, &b];
        let comparison = compare(runs)?;
        let out = self
            .out
            .unwrap_or_else(|| default_folder(&comparison.names));
        let comparison = &comparison;
        let view = Compared {
            runs,
            comparison,
            out,
        };
        let made = view.write()?;
        if events::are_wanted() {
            emit_events(comparison);
        } else {
            differences(comparison);
            left_out(comparison);
            pairs(comparison);
        }
        render::made(&made);
        Ok(ExitCode::SUCCESS)
    }
}

/// The default folder. Names are those of the run folders, or paths if those are equal.
fn default_folder(names: &[String; 2]) -> PathBuf {
    let plain = |name: &String| {
        name.replace(['/', '\\'], "-")
            .trim_matches(['.', '-'])
            .to_owned()
    };
    Path::new("results").join(format!("{}-vs-{}", plain(&names[0]), plain(&names[1])))
}

/// What the runs are, and how they differ as a whole.
fn differences(comparison: &Comparison) {
    let mut rows = vec![vec![String::new(), "A".to_owned(), "B".to_owned()]];
    let [a, b] = comparison.names.clone();
    rows.push(vec!["run".to_owned(), a, b]);
    for setting in &comparison.settings {
        let [a, b] = setting.values.clone();
        rows.push(vec![setting.name.to_owned(), a, b]);
    }
    print_table(&rows);
}

/// The pairs that differ most, and the medians of all pairs.
fn pairs(comparison: &Comparison) {
    let mut order: Vec<&Pair> = comparison.pairs.iter().collect();
    // Pairs that could not be compared come first; equally different ones keep the order of the plan.
    let amount = |pair: &Pair| perceptual(pair).unwrap_or(f64::INFINITY);
    order.sort_by(|one, other| amount(other).total_cmp(&amount(one)));
    let shown = order.len().min(MOST_ROWS);
    let distinguishing = distinguishing(comparison);
    let axes = distinguishing
        .iter()
        .map(|&axis| comparison.axes[axis].key());
    let head = axes.chain([
        "perceptual",
        "ssim",
        "ms A",
        "ms B",
        "time",
        "MiB A",
        "MiB B",
        "memory",
    ]);
    let mut rows: Vec<Vec<String>> = vec![head.map(str::to_owned).collect()];
    rows.extend(order[..shown].iter().map(|pair| row(pair, &distinguishing)));
    print_table(&rows);
    if shown < order.len() {
        let (more, csv) = (order.len() - shown, "compare.csv");
        render::line(format_args!(
            "... and {more} cells that differ less; {csv} has all"
        ));
    }
    not_compared(comparison);
    let median = |value: fn(&Pair) -> Option<f64>| number(median(comparison, value), 2);
    render::line(format_args!(
        "{} in both; medians: perceptual {} (1 is just noticeable), time {}, memory {} (B to A)",
        count(comparison.pairs.len(), "cell"),
        median(perceptual),
        median(Pair::time_ratio),
        median(Pair::memory_ratio),
    ));
}

fn perceptual(pair: &Pair) -> Option<f64> {
    let difference = pair.difference.as_ref().ok()?;
    Some(difference.perceptual_mean)
}

fn median(comparison: &Comparison, value: fn(&Pair) -> Option<f64>) -> Option<f64> {
    vocabulary::median(comparison.pairs.iter().filter_map(value))
}

/// Emits the whole comparison as events.
fn emit_events(comparison: &Comparison) {
    let settings = comparison.settings.iter();
    events::emit(Event::Compared(events::Compared {
        names: comparison.names.clone(),
        settings: settings
            .map(|setting| (setting.name.to_owned(), setting.values.clone()))
            .collect(),
        alone: comparison.alone.clone(),
        pairs: comparison.pairs.len(),
        perceptual_mean: median(comparison, perceptual),
        time_ratio: median(comparison, Pair::time_ratio),
        memory_ratio: median(comparison, Pair::memory_ratio),
    }));
    for pair in &comparison.pairs {
        let difference = pair.difference.as_ref();
        events::emit(Event::Pair(ComparedCell {
            cells: pair.keys.each_ref().map(ToString::to_string),
            label: pair.label.clone(),
            perceptual_mean: perceptual(pair),
            ssim: difference.ok().map(|difference| difference.ssim),
            error: difference.err().cloned(),
            denoise_ms: pair.denoise_ms,
            peak_mib: pair.peak_mib,
        }));
    }
}

/// Why cells have no difference: each reason once, with the number of cells.
fn not_compared(comparison: &Comparison) {
    let mut reasons = BTreeMap::new();
    for pair in &comparison.pairs {
        if let Err(reason) = &pair.difference {
            *reasons.entry(reason).or_insert(0) += 1;
        }
    }
    for (reason, cells) in reasons.iter().take(MOST_ROWS) {
        let cells = count(*cells, "cell");
        render::line(format_args!("{cells} not compared: {reason}"));
    }
    if reasons.len() > MOST_ROWS {
        let more = reasons.len() - MOST_ROWS;
        render::line(format_args!(
            "... and {more} more reasons; compare.csv has all"
        ));
    }
}

/// The axes in which the pairs differ.
fn distinguishing(comparison: &Comparison) -> Vec<usize> {
    let differs = |axis: usize| {
        let mut neighbours = comparison.pairs.windows(2);
        neighbours.any(|two| two[0].values[axis] != two[1].values[axis])
    };
    (0..comparison.axes.len())
        .filter(|&axis| differs(axis))
        .collect()
}

fn row(pair: &Pair, distinguishing: &[usize]) -> Vec<String> {
    let (perceptual, ssim) = match &pair.difference {
        Ok(difference) if difference.is_none() => ("equal".to_owned(), "1".to_owned()),
        Ok(difference) => (
            number(Some(difference.perceptual_mean), 3),
            number(Some(difference.ssim), 4),
        ),
        Err(_) => (number(None, 3), number(None, 4)),
    };
    let measured = [
        perceptual,
        ssim,
        number(pair.denoise_ms[0], 0),
        number(pair.denoise_ms[1], 0),
        number(pair.time_ratio(), 2),
        number(pair.peak_mib[0], 0),
        number(pair.peak_mib[1], 0),
        number(pair.memory_ratio(), 2),
    ];
    let values = distinguishing.iter().map(|&axis| cut(&pair.values[axis]));
    values.chain(measured).collect()
}

/// A value shortened to fit a column.
fn cut(value: &str) -> String {
    if value.chars().count() <= MOST_CHARACTERS {
        return value.to_owned();
    }
    let kept: String = value.chars().take(MOST_CHARACTERS - 1).collect();
    format!("{}…", kept.trim_end())
}

/// Reports cells without a partner, and cells with several.
fn left_out(comparison: &Comparison) {
    let [a, b] = &comparison.alone;
    for (title, cells) in [
        ("only in A", a),
        ("only in B", b),
        ("not told apart", &comparison.ambiguous),
    ] {
        for cell in cells.iter().take(MOST_ROWS) {
            render::line(format_args!("{title}: {cell}"));
        }
        if cells.len() > MOST_ROWS {
            render::line(format_args!("{title}: {} more", cells.len() - MOST_ROWS));
        }
    }
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

/// Prints line by line, so that no text from a run can control the terminal.
fn print_table(rows: &[Vec<String>]) {
    let one_line = |cell: &String| cell.replace(clean::is_terminal_control, " ");
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(one_line).collect())
        .collect();
    render::block(&format!("{}\n", table::align(&rows)));
}
