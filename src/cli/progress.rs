//! How a run is followed: a bar on a terminal, plain lines elsewhere, JSON lines, or nothing.

use std::collections::{HashMap, HashSet};
use std::fmt::Arguments;
use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ip2p_sweep::engine;
use ip2p_sweep::plan::Plan;
use ip2p_sweep::runner::{Event, Outcome, Workload};
use ip2p_sweep::views::ViewFiles;
use ip2p_sweep::vocabulary::{CellKey, Record, Status};
use serde_json::{Value, json};

use super::render;

/// Full, half and empty.
const BAR: &str = "━╸ ";

/// Plain output says how far it is at most this often.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Advised cells that are named; of more panels the sheets tell.
const MOST_ADVISED: usize = 4;

/// How to follow the run.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct ProgressFlags {
    /// Print nothing but errors
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
    /// Print events as JSON lines
    #[arg(long)]
    json: bool,
}

/// What was made of a run to be looked at.
#[derive(Debug, Default)]
pub struct Views {
    /// Its contact sheets and its report.
    pub made: ViewFiles,
    /// The advised cell of each panel.
    pub advised: Vec<CellKey>,
}

/// Follows one run.
pub struct Progress<'a> {
    plan: &'a Plan,
    workload: Workload,
    style: Style,
    cells: usize,
    steps: u64,
    begun: Instant,
    /// Of other processes: steps of cells by the first of them.
    stepped: HashMap<String, u64>,
    /// What other processes have noted.
    noted: HashSet<String>,
}

enum Style {
    Bar(ProgressBar),
    Plain { last: Instant },
    Json,
    Quiet,
}

impl<'a> Progress<'a> {
    /// Announces the work.
    pub fn begin(flags: ProgressFlags, plan: &'a Plan, workload: Workload) -> Self {
        let begun = Instant::now();
        let style = match flags {
            ProgressFlags { quiet: true, .. } => Style::Quiet,
            ProgressFlags { json: true, .. } => Style::Json,
            _ if std::io::stderr().is_terminal() => Style::Bar(bar(workload.steps)),
            _ => Style::Plain { last: begun },
        };
        let progress = Self {
            plan,
            workload,
            style,
            cells: 0,
            steps: 0,
            begun,
            stepped: HashMap::new(),
            noted: HashSet::new(),
        };
        let (name, all, left) = (&plan.name, plan.cells.len(), workload.cells);
        match progress.style {
            Style::Json => json_line(&json!({
                "event": "begin", "name": name, "cells": all, "cells_left": left, "steps": workload.steps,
                "measures": workload.measures,
            })),
            _ if left == 0 && workload.measures > 0 => progress.say(format_args!(
                "{name}: {} to measure with CLIP",
                count(workload.measures, "cell")
            )),
            _ if left == all => progress.say(format_args!("{name}: {}", count(all, "cell"))),
            _ => progress.say(format_args!(
                "{name}: {left} of {} left to do",
                count(all, "cell")
            )),
        }
        progress
    }

    /// Takes one event of a run.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Engine(event) => self.take_from_engine(event),
            Event::Stage(stage) => self.stage(&self.plan.stages[*stage].name),
            Event::Measured {
                cell,
                measures,
                done,
                of,
            } => {
                self.json(|| {
                    json!({
                        "event": "measured", "cell": self.plan.cells[*cell].key,
                        "clip_image_similarity": measures.clip_image_similarity,
                        "clip_direction_similarity": measures.clip_direction_similarity,
                    })
                });
                self.measured(*done, *of);
            }
            Event::Note(text) => self.note(text),
        }
    }

    fn take_from_engine(&mut self, event: &engine::Event) {
        match event {
            engine::Event::Loaded { component, ms } => self
                .json(|| json!({ "event": "loaded", "component": component.folder(), "ms": ms })),
            engine::Event::Stepped {
                cells,
                done,
                advanced,
                of,
                ms,
            } => {
                self.steps += (cells.len() * advanced) as u64;
                self.json(|| {
                    let keys: Vec<&str> = cells
                        .iter()
                        .map(|&cell| self.plan.cells[cell].key.as_str())
                        .collect();
                    json!({ "event": "step", "cells": keys, "step": done, "steps": of, "ms": ms })
                });
                self.advance();
            }
            engine::Event::Finished { record, .. } => self.finished(record),
            engine::Event::Note(text) => self.note(text),
        }
    }

    /// A stage of a chain begins.
    fn stage(&self, name: &str) {
        match &self.style {
            Style::Json => json_line(&json!({ "event": "stage", "stage": name })),
            _ => self.say(format_args!("stage {name}")),
        }
    }

    /// Takes an event of a process that this one has started, as that printed it.
    pub fn take_line(&mut self, line: &Value) {
        let own = ["begin", "end"];
        let kind = line["event"].as_str().unwrap_or_default();
        if !own.contains(&kind) {
            self.json(|| line.clone());
        }
        match kind {
            "step" => {
                let cells = line["cells"].as_array().map_or(0, Vec::len) as u64;
                let first = line["cells"][0].as_str().unwrap_or_default();
                let done = line["step"].as_u64().unwrap_or(0);
                // Of the same cells the steps rise; other cells begin anew.
                let before = self.stepped.insert(first.to_owned(), done).unwrap_or(0);
                self.steps += done.saturating_sub(before) * cells;
                if line["steps"].as_u64() == Some(done) {
                    self.stepped.remove(first);
                }
                self.advance();
            }
            "cell" => {
                self.cells += 1;
                if let Some(reason) = line["error"].as_str() {
                    let cell = line["cell"].as_str().unwrap_or_default();
                    self.say(format_args!("cell {cell} failed: {reason}"));
                }
                self.advance();
            }
            "note" if !matches!(self.style, Style::Json) => {
                let text = line["text"].as_str().unwrap_or_default().to_owned();
                // Each process tells the same of the same sweep.
                if self.noted.insert(text.clone()) {
                    self.note(&text);
                }
            }
            _ => {}
        }
    }

    /// Tells the user something, whatever the style.
    pub fn note(&self, text: &str) {
        match &self.style {
            Style::Json => json_line(&json!({ "event": "note", "text": text })),
            _ => self.say(format_args!("note: {text}")),
        }
    }

    /// Tells several things; people are told the first of many.
    pub fn notes(&self, notes: &[String]) {
        match &self.style {
            Style::Json => notes.iter().for_each(|note| self.note(note)),
            _ => first_notes(notes).iter().for_each(|note| self.note(note)),
        }
    }

    /// Tells that CLIP has failed, before the last lines; the error itself comes after them.
    pub fn note_unmeasured<T, E>(&self, measured: &Result<T, E>) {
        if measured.is_err() {
            self.note("cells are left unmeasured, since CLIP fails; run again once it works");
        }
    }

    /// Prints lines of a table, unless nothing is to be printed; as notes where every line is JSON.
    pub fn note_all(&self, lines: &[String]) {
        for line in lines {
            match &self.style {
                Style::Json => self.note(line),
                _ => self.say(format_args!("{line}")),
            }
        }
    }

    /// Ends the bar, and prints last lines of the command's own: what, and its value.
    pub fn end_with(self, lines: &[(&str, String)]) {
        match &self.style {
            Style::Json => {
                let entries = lines
                    .iter()
                    .map(|(what, value)| ((*what).to_owned(), json!(value)));
                let mut event = serde_json::Map::from_iter([("event".to_owned(), json!("end"))]);
                event.extend(entries);
                json_line(&Value::Object(event));
            }
            Style::Quiet => {}
            Style::Bar(bar) => {
                bar.finish_and_clear();
                own_lines(lines);
            }
            Style::Plain { .. } => own_lines(lines),
        }
    }

    /// Ends the bar, and prints the last lines: what there is, and where to look.
    pub fn end(self, outcome: Outcome, run: &Path, views: &Views) {
        match &self.style {
            Style::Json => json_line(&json!({
                "event": "end", "run": run, "stopped": outcome == Outcome::Interrupted,
                "sheets": views.made.all("sheet").map(|file| &file.path).collect::<Vec<_>>(),
                "report": views.made.all("report").map(|file| &file.path).next(), "advised": views.advised,
            })),
            Style::Quiet => failures(outcome, run),
            Style::Bar(bar) => {
                bar.finish_and_clear();
                last_lines(outcome, run, views);
            }
            Style::Plain { .. } => last_lines(outcome, run, views),
        }
    }

    fn finished(&mut self, record: &Record) {
        self.cells += 1;
        self.json(|| {
            json!({
                "event": "cell", "cell": record.cell, "status": record.status, "error": record.error,
                "file": (record.status == Status::Done).then(|| record.cell.image_path()),
                "total_ms": record.times.total_ms(), "unet_evals": record.unet_evals,
            })
        });
        if let Some(reason) = &record.error {
            self.say(format_args!("cell {} failed: {reason}", record.cell));
        }
        self.advance();
    }

    fn advance(&mut self) {
        let (cells, all) = (self.cells, self.workload.cells);
        match &mut self.style {
            Style::Bar(bar) => {
                bar.set_position(self.steps);
                bar.set_message(format!("{cells}/{all} cells"));
            }
            Style::Plain { last } if last.elapsed() >= PLAIN_INTERVAL || cells == all => {
                *last = Instant::now();
                let seconds = self.begun.elapsed().as_secs_f64();
                let rate = self.steps as f64 / seconds;
                // Cells whose latents were there already had fewer steps to do than was thought.
                let left = match cells == all {
                    true => String::new(),
                    false => {
                        time_left(self.workload.steps.saturating_sub(self.steps) as f64 / rate)
                    }
                };
                let line = format!("{cells}/{all} cells  {}  {left}", pace(rate));
                render::line(format_args!("{}", line.trim_end()));
            }
            _ => {}
        }
    }

    fn measured(&mut self, done: usize, of: usize) {
        let words = format!("{done}/{of} cells measured with CLIP");
        match &mut self.style {
            Style::Bar(bar) => {
                if done == 1 {
                    bar.set_style(measuring_style());
                    bar.reset_eta();
                }
                bar.set_length(of as u64);
                bar.set_position(done as u64);
                bar.set_message(words);
            }
            Style::Plain { last } if last.elapsed() >= PLAIN_INTERVAL || done == of => {
                *last = Instant::now();
                render::line(format_args!("{words}"));
            }
            _ => {}
        }
    }

    fn say(&self, text: Arguments) {
        match &self.style {
            Style::Bar(bar) => bar.suspend(|| render::line(text)),
            Style::Plain { .. } => render::line(text),
            Style::Json | Style::Quiet => {}
        }
    }

    fn json(&self, value: impl FnOnce() -> Value) {
        if matches!(self.style, Style::Json) {
            json_line(&value());
        }
    }
}

/// The first of many notes, and how many more there are: a note an image can be thousands.
pub fn first_notes(notes: &[String]) -> Vec<String> {
    const MOST: usize = 20;
    let more = notes.len().saturating_sub(MOST);
    let more = (more > 0).then(|| format!("and {}", count(more, "more note")));
    notes.iter().take(MOST).cloned().chain(more).collect()
}

/// That cells failed is told whatever is asked for.
fn failures(outcome: Outcome, run: &Path) {
    match outcome {
        Outcome::Interrupted | Outcome::Complete { failed: 0, .. } => {}
        Outcome::Complete { done, failed } => render::aside(format_args!(
            "error: {failed} of {} failed\nhint: {}/cells.csv says why; run again once that is mended",
            count(done + failed, "cell"),
            run.display()
        )),
    }
}

/// What there is, and where to look.
pub fn last_lines(outcome: Outcome, run: &Path, views: &Views) {
    let place = run.display();
    match outcome {
        Outcome::Interrupted => render::line(format_args!("stopped  {place}; run again to go on")),
        Outcome::Complete { done, failed: 0 } => {
            render::line(format_args!("done     {} in {place}", count(done, "cell")));
        }
        Outcome::Complete { done, failed } => render::line(format_args!(
            "failed   {failed} of {}; {place}/cells.csv says why",
            count(done + failed, "cell")
        )),
    }
    for file in &views.made.files {
        render::line(format_args!("{:<8} {file}", file.what));
    }
    for cell in views.advised.iter().take(MOST_ADVISED) {
        render::line(format_args!("advised  {cell}"));
    }
    if views.advised.len() > MOST_ADVISED {
        let more = views.advised.len() - MOST_ADVISED;
        render::line(format_args!(
            "         and {more} more: outlined on the sheets"
        ));
    }
}

/// `1 cell`, `2 cells`.
pub fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn own_lines(lines: &[(&str, String)]) {
    for (what, value) in lines {
        render::line(format_args!("{what:<8}{value}"));
    }
}

fn json_line(value: &Value) {
    render::print(&format!("{value}\n"));
}

fn bar(steps: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:32} {msg}  {per_sec}  {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key(
            "per_sec",
            |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                let _ = out.write_str(&pace(state.per_sec()));
            },
        )
        .progress_chars(BAR);
    ProgressBar::new(steps).with_style(style)
}

fn measuring_style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:32} {msg}  {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars(BAR)
}

/// `12.4 steps/s`, or `13.3 s/step` where a step is slow.
fn pace(steps_per_second: f64) -> String {
    if steps_per_second >= 1.0 || steps_per_second == 0.0 {
        format!("{steps_per_second:.1} steps/s")
    } else {
        format!("{:.1} s/step", 1.0 / steps_per_second)
    }
}

/// Seconds as people say them.
pub fn time_left(seconds: f64) -> String {
    if seconds.is_finite() {
        format!("{} left", duration(seconds))
    } else {
        String::new()
    }
}

/// `0.8 s`, `42 s`, `3 min 20 s`, `2 h 5 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..=9 => format!("{seconds:.1} s"),
        10..=119 => format!("{whole} s"),
        120..=5999 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}
