//! The progress of a run, and a line that shows it in the available columns.

mod left;

use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use ip2p_sweep::runner::{Expected, Workload};

use crate::cli::events::PhaseName;
use crate::cli::words::{clock, count, duration, file_size, pace};

/// The characters for full, half and empty.
const BAR: [&str; 3] = ["━", "╸", " "];

/// The bar's width in columns.
const BAR_WIDTH: std::ops::RangeInclusive<usize> = 8..=32;

/// The style of the completed part of the bar.
const DONE: Style = AnsiColor::Cyan.on_default();

/// The progress of a run.
#[derive(Debug)]
pub struct State {
    begun: Instant,
    phase: Option<(PhaseName, Instant)>,
    /// Details, such as what is being loaded.
    detail: String,
    /// The time each phase has taken so far, in the order the phases first occurred.
    took: Vec<(PhaseName, Duration)>,
    cells: usize,
    of_cells: usize,
    /// What the bar counts: steps of cells, later cells measured.
    done: u64,
    of: u64,
    /// When the first one was counted, and the count at that time.
    counted: Option<(Instant, u64)>,
    /// What earlier runs tell.
    expected: Expected,
}

impl State {
    /// The state at the beginning of a run.
    pub fn new(workload: &Workload) -> Self {
        let Workload {
            cells,
            steps,
            measures: _,
            expected,
        } = *workload;
        Self {
            begun: Instant::now(),
            phase: None,
            detail: String::new(),
            took: Vec::new(),
            cells: 0,
            of_cells: cells,
            done: 0,
            of: steps,
            counted: None,
            expected,
        }
    }

    /// Begins a phase; returns whether it is a different one.
    pub fn begin(&mut self, phase: PhaseName, detail: String) -> bool {
        let is_other = self.phase.is_none_or(|(known, _)| known != phase) || detail != self.detail;
        if is_other {
            self.end_phase();
            self.phase = Some((phase, Instant::now()));
            self.detail = detail;
        }
        is_other
    }

    fn end_phase(&mut self) {
        let Some((phase, since)) = self.phase.take() else {
            return;
        };
        let took = since.elapsed();
        match self.took.iter_mut().find(|(known, _)| *known == phase) {
            Some((_, sum)) => *sum += took,
            None => self.took.push((phase, took)),
        }
    }

    /// Counts steps.
    pub fn step(&mut self, steps: u64) {
        self.done += steps;
        // The first step is slower than those that follow, and the time before it was spent otherwise.
        let (now, done) = (Instant::now(), self.done);
        self.counted.get_or_insert((now, done));
    }

    /// Counts a finished cell.
    pub fn finish_cell(&mut self) {
        self.cells += 1;
    }

    /// From now on, counts cells being measured instead.
    pub fn measure(&mut self, cells: u64) {
        (self.done, self.of, self.counted) = (0, cells, None);
        self.expected = Expected {
            views_seconds: self.expected.views_seconds,
            ..Expected::default()
        };
    }

    /// Number of finished cells, and of all cells.
    pub fn cells(&self) -> (usize, usize) {
        (self.cells, self.of_cells)
    }

    /// Seconds since the beginning.
    pub fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// The current phase: `loading unet 3.4 GB`, `denoising`.
    pub fn words(&self) -> String {
        let name = self.phase.map_or("", |(phase, _)| words(phase));
        format!("{name} {}", self.detail).trim().to_owned()
    }

    /// Counts per second; `None` before it is known.
    fn rate(&self) -> Option<f64> {
        let (since, first) = self.counted?;
        let counted = self.done - first;
        (counted > 0).then(|| counted as f64 / since.elapsed().as_secs_f64())
    }

    /// The rate of denoising steps while cells are being denoised.
    fn pace(&self) -> Option<String> {
        let (phase, _) = self.phase?;
        let rate = self.rate().filter(|_| phase == PhaseName::Denoising)?;
        Some(pace(rate))
    }

    /// The parts of the line in order, each with a rank; those with the lowest rank are left out first if there is too
    /// little space.
    fn parts(&self) -> [(u8, Option<String>); 6] {
        let (cells, all) = self.cells();
        let left = self.left().map(|left| format!("{} left", clock(left)));
        [
            (0, Some(format!("{:>3}%", self.percent()))),
            (1, Some(format!("{cells}/{}", count(all, "cell")))),
            (0, Some(self.words()).filter(|words| !words.is_empty())),
            (3, self.pace()),
            (2, Some(clock(self.seconds()))),
            (0, left),
        ]
    }

    /// The percentage done; 100 only once every cell is done.
    fn percent(&self) -> u64 {
        let percent = (self.done * 100).checked_div(self.of).unwrap_or(0);
        match self.cells < self.of_cells {
            true => percent.min(99),
            false => percent.min(100),
        }
    }

    /// A line of at most `columns` columns: a bar and as much beside it as fits. The pace is left out first, then the
    /// elapsed time, the cells, and the bar.
    pub fn line(&self, columns: usize, coloured: bool) -> String {
        let parts = self.parts();
        let taken = |most: u8| {
            let kept = parts.iter().filter(|(rank, _)| *rank <= most);
            let kept: Vec<&str> = kept.filter_map(|(_, part)| part.as_deref()).collect();
            kept.join("  ")
        };
        let room = |words: &str| columns.checked_sub(words.chars().count() + 2);
        let enough = |words: &String| room(words).is_some_and(|room| room >= *BAR_WIDTH.start());
        let words = [3, 2, 1].map(taken).into_iter().find(enough);
        let words = words.unwrap_or_else(|| taken(0));
        match room(&words).filter(|_| enough(&words)) {
            Some(room) => {
                let bar = bar(self.percent(), room.min(*BAR_WIDTH.end()), coloured);
                format!("{bar}  {words}")
            }
            None => words.chars().take(columns).collect(),
        }
    }

    /// The same without a bar, for logs.
    pub fn log_line(&self) -> String {
        let parts = self.parts();
        let parts: Vec<&str> = parts
            .iter()
            .filter_map(|(_, part)| part.as_deref())
            .collect();
        parts.join("  ").trim_start().to_owned()
    }

    /// The total time and that of the phases: `12.3 s: loading 1.2 s, denoising 9.8 s`.
    pub fn took(&mut self) -> String {
        self.end_phase();
        let all = self.seconds();
        let mut phases: Vec<(&str, f64)> = Vec::new();
        for (phase, took) in &self.took {
            let word = summary_word(*phase);
            match phases.iter_mut().find(|(known, _)| *known == word) {
                Some((_, sum)) => *sum += took.as_secs_f64(),
                None => phases.push((word, took.as_secs_f64())),
            }
        }
        let told = phases.iter().filter(|(_, seconds)| *seconds >= 0.05);
        let told: Vec<String> = told
            .map(|(word, seconds)| format!("{word} {}", duration(*seconds)))
            .collect();
        match told.is_empty() {
            true => duration(all),
            false => format!("{}: {}", duration(all), told.join(", ")),
        }
    }
}

/// The name of a phase for people.
fn words(phase: PhaseName) -> &'static str {
    match phase {
        PhaseName::Loading => "loading",
        PhaseName::EncodingText => "encoding texts",
        PhaseName::EncodingImage => "encoding images",
        PhaseName::Denoising => "denoising",
        PhaseName::Decoding => "decoding",
        PhaseName::MeasuringWithClip => "measuring with CLIP",
        PhaseName::Drawing => "drawing sheets",
        PhaseName::Judging => "judging",
    }
}

/// A shorter name of a phase, for the summary.
fn summary_word(phase: PhaseName) -> &'static str {
    match phase {
        PhaseName::EncodingText | PhaseName::EncodingImage => "encoding",
        PhaseName::MeasuringWithClip => "CLIP",
        PhaseName::Drawing => "sheets and report",
        PhaseName::Loading | PhaseName::Denoising | PhaseName::Decoding | PhaseName::Judging => {
            words(phase)
        }
    }
}

/// A component and the size of its files: `unet 3.4 GB`.
pub fn component(name: &str, bytes: u64) -> String {
    format!("{name} {}", file_size(bytes))
}

/// A bar of this width.
fn bar(percent: u64, columns: usize, coloured: bool) -> String {
    let halves = percent as usize * columns * 2 / 100;
    let [full, half, empty] = BAR;
    let mut done = full.repeat(halves / 2);
    if halves % 2 == 1 {
        done.push_str(half);
    }
    let rest = empty.repeat(columns - done.chars().count());
    match coloured {
        true => format!("{DONE}{done}{DONE:#}{rest}"),
        false => format!("{done}{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload() -> Workload {
        Workload {
            cells: 32,
            steps: 640,
            measures: 0,
            expected: Expected::default(),
        }
    }

    fn half_way() -> State {
        let mut state = State::new(&workload());
        let text_encoder = component("text_encoder", 492_300_000);
        assert!(state.begin(PhaseName::Loading, text_encoder));
        (0..12).for_each(|_| state.finish_cell());
        let ago = Instant::now() - Duration::from_secs(120);
        // Away from values that a little more time would round to another second.
        (state.begun, state.counted, state.done) = (ago, Some((ago, 0)), 241);
        state
    }

    #[test]
    fn the_line_fits_whatever_the_width_and_leaves_out_what_is_needed_least() {
        let mut state = half_way();
        for columns in [20, 40, 59, 79, 119] {
            let line = state.line(columns, false);
            assert!(line.chars().count() <= columns, "{columns}: {line}");
            assert!(line.contains(" 37%"), "{line}");
        }
        state.begin(PhaseName::Denoising, String::new());
        let bar = |done: &str, rest: usize| format!("{done}{}  ", " ".repeat(rest));
        let narrow = " 37%  12/32 cells  denoising  3 min 19 s left";
        assert_eq!(state.line(59, false), bar("━━━━", 8) + narrow);
        let all = " 37%  12/32 cells  denoising  2.0 steps/s  2 min 1 s  3 min 19 s left";
        assert_eq!(state.line(79, false), bar("━━╸", 5) + all);
        assert_eq!(state.line(119, false), bar("━━━━━━━━━━━╸", 20) + all);
    }

    #[test]
    fn no_zero_is_left_while_cells_are_and_all_is_done_only_with_the_last_cell() {
        let mut state = half_way();
        state.done = 639;
        assert!(state.line(79, false).contains("  1 s left"));
        state.done = 640;
        let line = state.line(79, false);
        assert!(line.contains(" 99%") && !line.contains("left"), "{line}");
    }

    #[test]
    fn what_is_left_counts_loading_encoding_decoding_and_sheets_where_earlier_runs_tell_of_them() {
        let expected = Expected {
            all_seconds: Some(1000.2),
            before_seconds: 30.0,
            decode_seconds: Some(2.0),
            views_seconds: 6.0,
        };
        let mut state = State::new(&Workload {
            expected,
            ..workload()
        });
        state.begin(PhaseName::Loading, String::new());
        let left = |state: &State| state.left().unwrap().round();
        assert_eq!(left(&state), 1000.0, "before the first step");
        // A step a second for 100 seconds, none of the cells finished, loading took 20 of 30 seconds.
        state.took = vec![(PhaseName::Loading, Duration::from_secs(20))];
        state.phase = None;
        state.counted = Some((Instant::now() - Duration::from_secs(100), 0));
        state.done = 100;
        assert_eq!(left(&state), 540.0 + 10.0 + 64.0 + 6.0);
        // In resident memory cells are finished meanwhile: the pace knows what decoding takes.
        state.cells = 5;
        assert_eq!(left(&state), 540.0 + 10.0 + 6.0);
        // All steps done: the cells that are left, by those that were decoded in this run.
        (state.done, state.cells) = (640, 8);
        state
            .took
            .push((PhaseName::Decoding, Duration::from_secs(32)));
        assert_eq!(left(&state), 24.0 * 4.0 + 10.0 + 6.0);
        state.cells = 32;
        assert_eq!(state.left(), None, "only sheets are left");
    }

    #[test]
    fn what_it_took_is_told_by_phases() {
        let mut state = half_way();
        state.took = vec![
            (PhaseName::Loading, Duration::from_millis(1200)),
            (PhaseName::EncodingText, Duration::from_millis(200)),
            (PhaseName::EncodingImage, Duration::from_millis(100)),
            (PhaseName::Denoising, Duration::from_secs(115)),
            (PhaseName::Decoding, Duration::from_millis(20)),
        ];
        state.phase = None;
        assert_eq!(
            state.took(),
            "2 min 0 s: loading 1.2 s, encoding 0.3 s, denoising 115 s"
        );
    }
}
