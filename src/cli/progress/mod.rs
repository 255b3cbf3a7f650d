//! Shows the progress of a run: on a line of the terminal, in a log, as events, or not at all.

mod child_events;
mod last;
mod shown;
mod state;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ip2p_sweep::engine;
use ip2p_sweep::plan::Plan;
use ip2p_sweep::runner::{Event, Workload};
use ip2p_sweep::vocabulary::ClipMeasures;

pub use last::{Ending, Views};
use shown::{Shared, Shown};
use state::{State, component};

use super::events::{
    self, Begin, CellEnd, Event as Emitted, Loaded, Measured, Phase, PhaseName, Stage, Step,
};
use super::render::{self, Label};
use super::words::count;

/// Flags for showing progress.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct ProgressFlags {
    /// Print only errors and failed cells
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
}

impl ProgressFlags {
    /// Whether only errors are printed.
    pub fn is_quiet(self) -> bool {
        self.quiet
    }
}

/// Shows the progress of one run.
pub struct Progress<'a> {
    plan: &'a Plan,
    shown: Shown,
    state: Shared,
    /// Steps done by other processes, by the first of the cells in each step.
    stepped: HashMap<String, u64>,
    /// Notes that other processes have emitted.
    noted: HashSet<String>,
}

impl<'a> Progress<'a> {
    /// Announces the work.
    pub fn begin(flags: ProgressFlags, plan: &'a Plan, workload: Workload) -> Self {
        let state = Arc::new(Mutex::new(State::new(&workload)));
        let shown = match flags {
            ProgressFlags { quiet: true, .. } => Shown::Quiet,
            _ if events::are_wanted() => Shown::Events,
            _ => Shown::for_stderr(&state),
        };
        let progress = Self {
            plan,
            shown,
            state,
            stepped: HashMap::new(),
            noted: HashSet::new(),
        };
        let (name, all, left) = (&plan.name, plan.cells.len(), workload.cells);
        if events::are_wanted() {
            events::emit(Emitted::Begin(Begin {
                name: name.clone(),
                cells: all,
                cells_left: left,
                steps: workload.steps,
                measures: workload.measures,
            }));
        } else if left == 0 && workload.measures > 0 {
            let measures = count(workload.measures, "cell");
            progress.say(&format!("{name}: {measures} to measure with CLIP"));
        } else if left == all {
            progress.say(&format!("{name}: {}", count(all, "cell")));
        } else {
            let all = count(all, "cell");
            progress.say(&format!("{name}: {left} of {all} left to do"));
        }
        progress
    }

    /// Takes an event of the run.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Engine(event) => self.take_from_engine(event),
            Event::Stage(stage) => self.stage(&self.plan.stages[*stage].name),
            Event::Measuring { of } => {
                self.state().measure(*of as u64);
                self.phase(PhaseName::MeasuringWithClip);
            }
            Event::Measured { cell, measures, .. } => self.measured(*cell, measures),
            Event::Note(text) => self.note(text),
        }
    }

    fn take_from_engine(&mut self, event: &engine::Event) {
        match event {
            engine::Event::Began(phase) => self.began(*phase),
            engine::Event::Loaded { component, ms } => {
                if events::are_wanted() {
                    let (component, ms) = ((*component).into(), *ms);
                    events::emit(Emitted::Loaded(Loaded { component, ms }));
                }
            }
            engine::Event::Stepped {
                cells,
                done,
                advanced,
                of,
                ms,
            } => {
                if events::are_wanted() {
                    let keys = cells.iter().map(|&cell| self.key(cell));
                    events::emit(Emitted::Step(Step {
                        cells: keys.collect(),
                        step: *done,
                        steps: *of,
                        ms: *ms,
                    }));
                }
                self.stepped_on((cells.len() * advanced) as u64);
            }
            engine::Event::Finished { record, .. } => {
                if events::are_wanted() {
                    events::emit(Emitted::Cell(CellEnd::from(&**record)));
                }
                self.cell_ended(record.cell.as_str(), record.error.as_deref());
            }
            engine::Event::Note(text) => self.note(text),
        }
    }

    fn began(&mut self, phase: engine::Phase) {
        match phase {
            engine::Phase::Loading {
                component: part,
                bytes,
            } => {
                let detail = component(part.folder(), bytes);
                if self.state().begin(PhaseName::Loading, detail) && events::are_wanted() {
                    events::emit(Emitted::Phase(Phase {
                        phase: PhaseName::Loading,
                        component: Some(part.into()),
                        bytes: Some(bytes),
                    }));
                }
                let words = self.state().words();
                self.shown.loading(&words, bytes);
            }
            engine::Phase::EncodingText => self.phase(PhaseName::EncodingText),
            engine::Phase::EncodingImage => self.phase(PhaseName::EncodingImage),
            engine::Phase::Denoising => self.phase(PhaseName::Denoising),
            engine::Phase::Decoding => self.phase(PhaseName::Decoding),
        }
    }

    /// Shows another phase, if it is a different one.
    pub fn phase(&mut self, phase: PhaseName) {
        let is_other = self.state().begin(phase, String::new());
        if is_other && events::are_wanted() {
            let (component, bytes) = (None, None);
            events::emit(Emitted::Phase(Phase {
                phase,
                component,
                bytes,
            }));
        }
        if let Shown::Bar(bar) = &self.shown {
            bar.tick();
        }
    }

    /// Shows that a stage of a chain begins.
    fn stage(&self, name: &str) {
        if events::are_wanted() {
            let stage = name.to_owned();
            events::emit(Emitted::Stage(Stage { stage }));
        } else {
            self.say(&format!("stage {name}"));
        }
    }

    fn measured(&mut self, cell: usize, measures: &ClipMeasures) {
        if events::are_wanted() {
            events::emit(Emitted::Measured(Measured::of(self.key(cell), measures)));
        }
        self.stepped_on(1);
    }

    fn stepped_on(&mut self, steps: u64) {
        self.state().step(steps);
        self.shown.update(&self.state);
    }

    /// Shows that a cell has ended; a failure is reported even with `--quiet`.
    fn cell_ended(&mut self, cell: &str, error: Option<&str>) {
        self.state().finish_cell();
        if let Some(reason) = error
            && !events::are_wanted()
        {
            let text = format!("cell {cell} failed: {reason}");
            let tell = || render::labelled(Label::Error, &text);
            self.shown.beside(tell);
        }
        self.shown.update(&self.state);
    }

    /// Reports a note.
    pub fn note(&self, text: &str) {
        match self.shown {
            Shown::Quiet => {}
            Shown::Bar(_) | Shown::Log { .. } | Shown::Events => {
                self.shown.beside(|| render::note(text));
            }
        }
    }

    /// Reports several notes; on a terminal only the first of many.
    pub fn notes(&self, notes: &[String]) {
        match self.shown {
            Shown::Events => notes.iter().for_each(|note| self.note(note)),
            Shown::Bar(_) | Shown::Log { .. } | Shown::Quiet => {
                first_notes(notes).iter().for_each(|note| self.note(note));
            }
        }
    }

    /// Reports that CLIP has failed, before the last lines; the error itself follows them.
    pub fn note_unmeasured<T, E>(&self, measured: &Result<T, E>) {
        if measured.is_err() {
            self.note("cells are left unmeasured because CLIP failed; run again once it works");
        }
    }

    /// Ends the display with the result, the files to look at, and the time it took.
    pub fn end(self, ending: Ending) {
        self.shown.clear();
        match self.shown {
            Shown::Events => events::emit(Emitted::End(ending.event(self.state().seconds()))),
            Shown::Quiet => ending.print_failures(),
            Shown::Bar(_) | Shown::Log { .. } => {
                ending.print();
                self.print_took();
            }
        }
    }

    /// Ends the display with a command's own results: the lines of a table, then what each thing is. `loud` is printed
    /// even with `--quiet`, because it must not be missed.
    pub fn end_with(self, table: &[String], lines: &[(&str, String)], loud: &[String]) {
        self.shown.clear();
        match self.shown {
            Shown::Events => {}
            Shown::Quiet => loud
                .iter()
                .for_each(|text| render::labelled(Label::Error, text)),
            Shown::Bar(_) | Shown::Log { .. } => {
                table
                    .iter()
                    .for_each(|line| render::line(format_args!("{line}")));
                for (what, value) in lines {
                    render::line(format_args!("{what:<8} {value}"));
                }
                self.print_took();
            }
        }
    }

    fn print_took(&self) {
        let took = self.state().took();
        render::line(format_args!("took     {took}"));
    }

    fn say(&self, text: &str) {
        match self.shown {
            Shown::Bar(_) | Shown::Log { .. } => {
                self.shown.beside(|| render::aside(format_args!("{text}")));
            }
            Shown::Events | Shown::Quiet => {}
        }
    }

    fn key(&self, cell: usize) -> String {
        self.plan.cells[cell].key.to_string()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first of many notes, and the number of others: one note for each image can make thousands.
pub fn first_notes(notes: &[String]) -> Vec<String> {
    const MOST: usize = 20;
    let more = notes.len().saturating_sub(MOST);
    let more = (more > 0).then(|| format!("and {}", count(more, "more note")));
    notes.iter().take(MOST).cloned().chain(more).collect()
}
